"""Permanent links to traces in the browser of traces."""

from __future__ import annotations

from urllib.parse import quote

DEFAULT_PORT = 7575


def trace_link(trace_id: str, port: int = DEFAULT_PORT) -> str:
    """Return the link to a trace, which works while `infogap view` serves the run on this port."""
    return f"http://127.0.0.1:{port}/#/trace/{quote(trace_id, safe='')}"
