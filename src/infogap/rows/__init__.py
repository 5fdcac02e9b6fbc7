"""Rows of files, folders and datasets: where they are, how they are opened, what a column path finds in them."""
