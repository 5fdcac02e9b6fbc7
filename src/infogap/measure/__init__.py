"""Measure traces: epistemic markers, confidence bands, leaks, and measures of the user's own.

Open `load_measures.py` first: it says what a measure is. `measure_traces.py` runs them all.
"""

from infogap.measure.stage import STAGE

__all__ = ["STAGE"]
