"""The built-in published configs, a module each; pyproject.toml registers them as another package registers its own.

Open `base.py` first: it says what a config is.
"""
