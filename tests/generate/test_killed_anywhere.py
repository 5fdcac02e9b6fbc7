"""A process killed between any two changes that it makes to the disk: the next one ends with the same bytes.

INFOGAP_KILL_STEP=1 tries every one of them, which takes minutes; by default it is one in 97.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.generate import STAGE, forget_failed
from infogap.generate.store import TraceStore
from infogap.recipe import load_recipe
from infogap.run import Run
from infogap.schema import TASKS
from infogap.teachers import Completion, Request

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
    monkeypatch.setattr("infogap.verify.judged.shutil.rmtree", dying.before(shutil.rmtree))
    monkeypatch.setattr("infogap.generate.store.TraceStore.add", dying.before(TraceStore.add))
    return dying


def make_run(folder: Path, generate: str) -> Run:
    folder.mkdir(exist_ok=True)
    file = folder / "recipe.yaml"
    file.write_text(
        "name: demo\nseed: 3\ntasks: [{from: tasks.jsonl, columns: {solution: solution}}]\n"
        "teacher: {backend: openai, model: m, base_url: 'http://localhost:1/v1', logprobs: 1}\n"
        f"generate: {generate}\n"
    )
    run = Run.create(load_recipe(file), folder / "run")
    if not run.part_paths(TASKS):
        with run.rewrite(TASKS) as out:
            out.write(TASKS.frame([task(number) for number in range(1, 6)]))
    return run


def task(number: int) -> dict[str, Any]:
    return dict.fromkeys(TASKS.schema.names()) | {
        "task_id": f"t{number}",
        "family": "f",
        "question": f"What is {number}?",
        "answer": str(number),
        "solution": f"It is what it is. It is {number}.",
        "verifier": "exact",
    }


def tables(run: Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for name in ("traces", "contexts", "tokens")
        for path in (run.path / name).rglob("*.parquet")
        if "cache" not in path.parts
    }


@pytest.mark.parametrize("change", ["another recipe", "failed ones again", "nothing"])
def test_a_kill_between_any_two_changes_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dying: Dying, change: str
) -> None:
    teacher = Solver()
    monkeypatch.setattr("infogap.generate.on_demand.open_teacher", lambda _run: teacher)
    monkeypatch.setitem(TraceStore.__init__.__kwdefaults__ or {}, "block", 4)
    monkeypatch.setattr("infogap.generate.stage.grade_traces", graded_here())
    second = SELECTED if change == "another recipe" else ROUNDS

    def work(folder: Path, left: int = -1) -> Run:
        """Make, change, make; where the process dies, the next one goes on with what was to be made."""
        teacher.mended = False
        run = make_run(folder, ROUNDS)
        dying.left = left
        surviving(lambda: STAGE.make(run))
        if change == "failed ones again":
            teacher.mended = True
            surviving(lambda: forget_failed(run))
        run = make_run(folder, second)
        surviving(lambda: STAGE.make(run))
        return run

    def surviving(step: Callable[[], Any]) -> None:
        try:
            step()
        except SystemExit:
            dying.left = -1
            step()

    plain = tables(work(tmp_path / "plain"))
    assert len([name for name in plain if name.startswith("tokens/")]) > 5
    work(tmp_path / "counted", 10_000)
    changes = 10_000 - dying.left
    assert changes > 50
    for left in range(0, changes, int(os.environ.get("INFOGAP_KILL_STEP", "97"))):
        run = work(tmp_path / f"killed-{left}", left)
        assert tables(run) == plain, left
        assert all(pl.read_parquet(run.path / name).height for name in plain if name.startswith("traces/part"))


def graded_here() -> Callable[..., Any]:
    """Grading in this process: starting others takes half a second, each time."""
    from infogap.verify import traces
    from infogap.verify.grade import Item
    from infogap.verify.graders import grade

    def grade_traces(tasks: Any, parts: Any) -> Any:
        for trace_id, item in traces._work(tasks, parts):
            graded = grade(item) if isinstance(item, Item) else item
            yield {
                "trace_id": trace_id,
                "verdict": graded.verdict,
                "extracted_answer": graded.answer,
                "score": graded.score,
                "detail": graded.detail,
            }

    return grade_traces
