"""What is measured of a trace's style: epistemic markers, bands and leaks."""

from infogap.measure.stage import STAGE

__all__ = ["STAGE"]
