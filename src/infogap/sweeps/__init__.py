"""A sweep: the runs of a grid of recipes in one folder, sharing work and compared. Open `grid.py` first."""
