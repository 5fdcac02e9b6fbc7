"""The mix: which traces make up the dataset, in the recipe's shares. Open `stage.py` first."""

from infogap.balance.stage import STAGE

__all__ = ["STAGE"]
