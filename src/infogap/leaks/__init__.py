"""Find leaks: where a trace shows that its author saw what the student cannot see.

Open `leak_scan.py` first: it runs the searches for each kind.
"""
