"""From tasks to traces: send requests to the teachers, round by round, and store their answers.

Open `generate_traces.py` first. In each round `cell_requests` decides which samples of a task come next, `request_plan`
makes requests of them, `fill_round` sends these, teacher by teacher, and `trace_store` keeps the answers.
For teachers in batches, `fill_by_batches` sends and collects: `teacher_batches` has what is in flight, `batch_records`
its files.
"""

from infogap.generate.stage import STAGE

__all__ = ["STAGE"]
