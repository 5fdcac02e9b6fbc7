"""A top-up of a mix with critiques and lessons: notes are written for what it adds, and reused where they exist."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from balance.test_missing_traces import make
from generate.note_writing import asks_critique, asks_lesson, says, writer
from generate.solving import Serving
from infogap.generate.top_up_plan import TopUpPlan
from infogap.schema import SHOWN_NOTES

MIX = {
    "size": 24,
    "verdict": {"correct": 0.5, "wrong": 0.5},
    "privilege": {"unguided": 0.4, "critique": 0.3, "lessons": 0.3},
    "leak": "keep",
    "top_up": {"rounds": 3},
    "when_short": "best_effort",
}


@pytest.mark.usefixtures("up_to_the_mix")
def test_a_top_up_writes_the_critiques_that_it_needs_and_no_lesson_again(tmp_path: Path, serving: Serving) -> None:
    server = writer(lesson=lambda _body: says("Say first what there is."))
    lessons = {"lessons": {"pool": 4, "count": 1}}
    run = make(tmp_path, serving(server), MIX, samples=1, privileges=["unguided", "critique", lessons])
    run.update(quiet=True)
    rounds = TopUpPlan.read(run.folder).rounds_to_fill
    assert rounds and any(privilege == "critique" for each in rounds for _, privilege, _ in each.samples)
    notes = run.table("notes").collect()
    assert notes["trace_id"].is_unique().all()
    assert notes.filter(privilege="lessons").height == sum(map(asks_lesson, server.bodies)) == 4
    assert notes.filter(privilege="critique")["context_id"].is_unique().all()
    assert notes.filter(privilege="critique").height == sum(map(asks_critique, server.bodies))
    traces = run.table("traces").collect()
    guided = traces.filter(pl.col("privilege") != "unguided")["context_id"].unique()
    assert set(guided) == set(run.folder.scan(SHOWN_NOTES).collect()["context_id"])
    requests = len(server.bodies)
    run.update(quiet=True)
    assert len(server.bodies) == requests
