"""Choose the mix: the traces of the dataset, in the recipe's shares. Open `choose_mixes.py`, then `decide.py`."""

from infogap.balance.stage import STAGE

__all__ = ["STAGE"]
