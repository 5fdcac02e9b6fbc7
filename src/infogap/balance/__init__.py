"""The mix: which traces make up the dataset, in the shares that the recipe states."""

from infogap.balance.stage import STAGE

__all__ = ["STAGE"]
