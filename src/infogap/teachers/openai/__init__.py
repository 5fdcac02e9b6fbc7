"""The openai backend: servers that speak the OpenAI protocol. Open `openai_backend.py` first."""
