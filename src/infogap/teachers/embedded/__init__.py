"""The embedded backend: a small GGUF model in this process, run by llama.cpp. Open `embedded_backend.py` first."""
