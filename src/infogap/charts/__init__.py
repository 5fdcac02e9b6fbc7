"""Charts of a run, drawn with matplotlib (the extra `plots`) for the card and the report, each with its numbers.

Open `drawing.py` first: it defines what a chart is and how it is saved.
"""
