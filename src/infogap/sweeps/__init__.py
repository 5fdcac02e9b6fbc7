"""A sweep: the runs of a grid of recipes in one folder, what they share, and how they compare. Open grid.py first."""
