"""The built-in formats of `infogap export`, one module per trainer, registered in pyproject.toml like any others.

Open `base.py` first: it defines what a format is.
"""
