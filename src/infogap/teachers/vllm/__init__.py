"""The vllm backend: vLLM's engine on this machine. Open `vllm_backend.py` first."""
