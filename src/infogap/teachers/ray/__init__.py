"""The ray backend: replicas of vLLM's engine on a Ray cluster. Open `ray_teacher.py` first."""
