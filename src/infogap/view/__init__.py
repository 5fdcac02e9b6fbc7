"""The browser of a run's traces: a local server, and the same pages as a folder that opens from disk."""

from pathlib import Path

PAGES = Path(__file__).parent / "static"
"""The folder of the pages: HTML, styles and scripts, served and exported as they are."""
