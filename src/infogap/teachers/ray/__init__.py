"""Replicas of vLLM's engine on a Ray cluster."""
