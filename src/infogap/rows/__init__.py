"""Read the rows of files, folders and datasets. Open `source_rows.py` first: it reads the rows of one source."""
