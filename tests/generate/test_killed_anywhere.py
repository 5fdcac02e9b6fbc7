"""A process killed between any two changes that it makes to the disk: the next one ends with the same bytes.

INFOGAP_KILL_STEP=1 tries every one of them, which takes minutes; by default it is one in 97, of two teachers in 401.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from generate import several_teachers, solving
from infogap.generate import STAGE
from infogap.generate.generate_traces import forget_failed
from infogap.generate.trace_store import TraceStore
from infogap.runs.run_folder import Run
from infogap.teachers import Completion, Request
from infogap.verify.base import Grade, Item
from infogap.verify.grading_pool import Keyed
from infogap.verify.verifiers import grade

ROUNDS = "{samples: 2, until: {correct: 2, max_attempts: 4}, privileges: [unguided, {verifier: {turns: 2}}, peers]}"
SELECTED = "{samples: 2, select: {pass_rate: [0.3, 0.7], samples: 3}, privileges: [unguided, solution, peers]}"


class Solver:
    """Answers rightly by the seed, in this process; refuses a few requests until it is mended."""

    name = "m"
    mended = False

    def answer(self, requests: Iterator[Request]) -> Iterator[Completion]:
        for request in requests:
            if request.seed % 7 == 0 and not self.mended:
                yield Completion.failed(request, "refused")
                continue
            number = request.messages[0]["content"].split()[2].rstrip("?")
            text = rf"Attempt {request.seed}: \boxed{{{number if request.seed % 2 else 0}}}"
            tokens = {"token_logprobs": [-0.5, -0.25], "token_entropies": [0.1, 0.2]}
            yield Completion(request.request_id, "", text, "stop", 5, 2, **tokens)  # type: ignore[arg-type]

    def close(self) -> None: ...


class Dying:
    """Ends the process, so to speak, before the change to the disk that follows `left` others."""

    left = -1

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **keywords: Any) -> Any:
            if self.left == 0:
                raise SystemExit
            self.left -= 1
            return function(*arguments, **keywords)

        return changed


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Dying:
    dying = Dying()
    for name in ("unlink", "replace", "rename"):
        monkeypatch.setattr(Path, name, dying.before(getattr(Path, name)))
    monkeypatch.setattr("infogap.verify.round_verdicts.shutil.rmtree", dying.before(shutil.rmtree))
    monkeypatch.setattr("infogap.generate.trace_store.TraceStore.add", dying.before(TraceStore.add))
    return dying


def make_run(folder: Path, generate: str) -> Run:
    folder.mkdir(exist_ok=True)
    return solving.make_run(folder, "http://localhost:1/v1", generate, "teacher.logprobs=1")


def make_run_of_two(folder: Path, generate: str) -> Run:
    urls = dict.fromkeys(("one", "two"), "http://localhost:1/v1")
    return several_teachers.make_run(folder, urls, generate, more=", logprobs: 1")


def tables(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for name in ("traces", "contexts", "tokens")
        for path in (run.path / name).rglob("*.parquet")
        if "cache" not in path.parts
    }


@pytest.mark.parametrize(("make", "step"), [(make_run, 97), (make_run_of_two, 401)])
@pytest.mark.parametrize("change", ["another recipe", "failed ones again", "nothing"])
def test_a_kill_between_any_two_changes_to_the_disk(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dying: Dying,
    change: str,
    make: Callable[[Path, str], Run],
    step: int,
) -> None:
    teacher = Solver()
    monkeypatch.setattr("infogap.generate.answering_teacher.open_teacher", lambda *_: teacher)
    monkeypatch.setitem(TraceStore.__init__.__kwdefaults__ or {}, "block", 4)
    monkeypatch.setattr("infogap.verify.grade_traces.grade_all", graded_here)
    second = SELECTED if change == "another recipe" else ROUNDS

    def work(folder: Path, left: int = -1) -> Run:
        """Make, change, make; where the process dies, the next one goes on with what was to be made."""
        teacher.mended = False
        run = make(folder, ROUNDS)
        dying.left = left
        surviving(lambda: STAGE.make(run))
        if change == "failed ones again":
            teacher.mended = True
            surviving(lambda: forget_failed(run))
        run = make(folder, second)
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
    assert len([name for name in plain if name.startswith("tokens/")]) > 5
    assert changes > 50
    for left in range(0, changes, int(os.environ.get("INFOGAP_KILL_STEP", step))):
        run = work(tmp_path / f"killed-{left}", left)
        assert tables(run) == plain, left
        assert all(pl.read_parquet(run.path / name).height for name in plain if name.startswith("traces/part"))


def graded_here(work: Iterable[Keyed], *, verifiers: Iterable[str], folder: Path) -> Iterator[tuple[str, Grade]]:
    """Grading in this process: starting others takes half a second, each time."""
    for trace_id, item in work:
        yield trace_id, grade(item) if isinstance(item, Item) else item
