"""The browser of a run's traces: a local server, and the same pages as a folder that opens from disk."""
