"""The run folder: its tables and manifests, what a stage is, and the pipeline that brings a run up to date.

Open `run_folder.py` first.
"""
