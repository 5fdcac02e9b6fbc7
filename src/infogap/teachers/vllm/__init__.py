"""vLLM's engine on this machine."""
