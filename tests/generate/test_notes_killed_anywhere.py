"""A process killed between any two changes to the disk while notes are written: the next one ends with the same bytes.

INFOGAP_KILL_STEP=1 tries every one of them, which takes minutes; by default it is one in 223.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from generate import solving
from generate.test_killed_anywhere import Dying, dying, graded_here
from infogap.generate import STAGE
from infogap.generate.generate_traces import forget_failed
from infogap.generate.trace_store import TraceStore
from infogap.runs.run_folder import Run
from infogap.teachers import Completion, Request

__all__ = ["dying"]

NOTES = "{samples: 2, privileges: [unguided, critique, {lessons: {pool: 5, count: 2}}, verifier]}"
OTHER = (
    "{samples: 2, privileges: [unguided, {critique: {ask: 'Look at {{ attempt }}.'}}, {lessons: {pool: 8, count: 2}}]}"
)


class Writer:
    """Solves by the seed, criticizes and writes lessons, some of which are empty; refuses a few until it is mended."""

    name = "m"
    mended = False

    def answer(self, requests: Iterator[Request]) -> Iterator[Completion]:
        for request in requests:
            prompt = request.messages[0]["content"]
            if request.seed % 11 == 0 and not self.mended:
                yield Completion.failed(request, "refused")
                continue
            if not prompt.startswith("What is"):
                text = "" if request.seed % 4 == 0 else f"Step {request.seed % 97 + 100} is what to look at."
            else:
                number = prompt.split()[2].rstrip("?")
                text = rf"Attempt {request.seed}: \boxed{{{number if request.seed % 2 else 0}}}"
            yield Completion(request.request_id, "", text, "stop", 5, 2, token_logprobs=[-0.5], token_entropies=[0.1])

    def close(self) -> None: ...


def tables(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for name in ("traces", "contexts", "tokens", "notes", "shown_notes")
        for path in (run.path / name).rglob("*.parquet")
        if "cache" not in path.parts
    }


@pytest.mark.parametrize("change", ["another recipe", "failed ones again", "nothing"])
def test_a_kill_while_notes_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dying: Dying, change: str
) -> None:
    teacher = Writer()
    monkeypatch.setattr("infogap.generate.answering_teacher.open_teacher", lambda *_: teacher)
    monkeypatch.setitem(TraceStore.__init__.__kwdefaults__ or {}, "block", 4)
    monkeypatch.setattr("infogap.verify.grade_traces.grade_all", graded_here)

    def make_run(folder: Path, generate: str) -> Run:
        folder.mkdir(exist_ok=True)
        return solving.make_run(folder, "http://localhost:1/v1", generate, "teacher.logprobs=1")

    def work(folder: Path, left: int = -1) -> Run:
        teacher.mended = False
        run = make_run(folder, NOTES)
        dying.left = left
        surviving(lambda: STAGE.make(run))
        if change == "failed ones again":
            teacher.mended = True
            surviving(lambda: forget_failed(run))
        run = make_run(folder, OTHER if change == "another recipe" else NOTES)
        surviving(lambda: STAGE.make(run))
        return run

    def surviving(step: Callable[[], Any]) -> None:
        try:
            step()
        except SystemExit:
            dying.left = -1
            step()

    plain = tables(work(tmp_path / "plain", 10_000))
    changes = 10_000 - dying.left
    assert len([name for name in plain if name.startswith("notes/part")]) > 2
    assert len([name for name in plain if name.startswith("tokens/")]) > 5
    assert not any("tokens" in name for name in plain if name.startswith("notes/"))
    for left in range(0, changes, int(os.environ.get("INFOGAP_KILL_STEP", "223"))):
        assert tables(work(tmp_path / f"killed-{left}", left)) == plain, left
