"""The built-in formats of `infogap export`, a module per trainer; pyproject.toml registers them as another package's.

Open `base.py` first: it says what a format is.
"""
