"""Find tasks and traces that share passages with evaluation sets. Open `compare_texts.py` first."""

from infogap.decontaminate.stage import STAGE

__all__ = ["STAGE"]
