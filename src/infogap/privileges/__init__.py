"""What the teacher sees beyond the student's prompt: the privileges, and how their contexts are put into words.

Begin with `base.py` (what a privilege is) and `contexts.py` (from a task to a prompt). One file holds one kind of
privilege: `task_fields`, `hint`, `masked_solution`, `attempts`, `decoys`, `irrelevant`; `wordings/` has their words.
"""
