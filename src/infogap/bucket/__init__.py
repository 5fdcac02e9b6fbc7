"""Runs whose folder is a prefix of an S3 bucket: a working copy on this machine, and the bucket that follows it.

Every command works on a copy in the user's cache folder. What the bucket has is fetched when a command starts; what
has changed is uploaded after every stage, at intervals while a stage runs, and at the end. Open `stored_run.py` first.
"""
