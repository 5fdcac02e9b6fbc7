"""The built-in published configs, one per module, registered in pyproject.toml just like those of other packages.

Open `base.py` first: it defines what a config is.
"""
