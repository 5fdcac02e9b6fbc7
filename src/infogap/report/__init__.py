"""Reports on a run: tables in the terminal, and a page with figures. Open `page.py` first."""

from infogap.report.stage import STAGE

__all__ = ["STAGE"]
