"""The embedded backend: a small GGUF model in this process, by llama.cpp. Open `embedded_backend.py` first."""
