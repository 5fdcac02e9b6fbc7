"""Make new traces from a run's traces by rule: less doubt, other steps, other content.

`derive_traces.py` reads the parents and writes the table; each change is a function from one `TraceText` to another.
"""

from infogap.derive.stage import STAGE

__all__ = ["STAGE"]
