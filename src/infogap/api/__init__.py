"""The Python API: what `import infogap` offers, a module per function. Open `run.py` first."""
