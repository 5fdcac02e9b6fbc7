"""A model that votes on whether responses are right. Open `judge_prompt.py` first: what it is asked."""
