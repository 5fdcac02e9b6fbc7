"""From tasks to traces: which requests are sent to the teacher, round by round, and how answers are stored.

Begin with `stage.py`. `cell_requests` says what a task needs next, `request_plan` makes a round's requests of it,
`fill_round` sends them, teacher by teacher, and `trace_store` keeps the answers.
"""

from infogap.generate.stage import STAGE, forget_failed

__all__ = ["STAGE", "forget_failed"]
