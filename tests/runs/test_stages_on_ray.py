"""Stages on a Ray cluster, in its local mode, write the bytes that they write on one machine."""

from __future__ import annotations

import json
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from cli.in_process import infogap
from infogap.api.run import Run
from infogap.dedupe.compared_texts import PartTexts, texts
from infogap.dedupe.dedupe_file import duplicates_in, texts_of
from infogap.errors import InputError
from infogap.parallel.ray_cluster import on_ray
from infogap.recipe.dedupe_section import Dedupe
from infogap.user_objects import check_sources, source_digest

pytest.importorskip("ray")
TRACES = 2_300  # so many that measuring them is worth several processes
RECIPE = """
name: spread
import:
  - from: traces.jsonl
    columns: {question: question, answer: answer, trace: text, context: context, privilege: privilege}
  - from: coded.jsonl
    columns: {question: question, answer: answer, trace: text}
    verifier: own_grader:grade
measure: {lexicons: [infogap, kim2026], measures: ["own_measure:SHOUTS"]}
dedupe: {scope: all, threshold: 0.7}
balance: {size: 50, when_short: best_effort}
publish: {license: apache-2.0, configs: [sft]}
"""
GRADER = """
import os, signal

def grade(response, answer, task):
    if "hang" in response:
        while True:
            pass
    if "die" in response:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer in response
"""
MEASURE = """
import polars as pl

class Shouts:
    columns = {"shouts": pl.Int64}
    version = 1

    def measure(self, frame):
        return frame.select(shouts=pl.col("text").str.count_matches("!").cast(pl.Int64))

SHOUTS = Shouts()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe over traces with contexts, markers, leaks and near-duplicates, graded by math and by a function."""
    folder = tmp_path_factory.mktemp("spread")
    drawn = random.Random(3)
    vocabulary = ["wait", "perhaps", "so", "then", "let", "me", "check", "!", *(f"w{number}" for number in range(400))]
    rows: list[dict[str, str]] = []
    for number in range(TRACES):
        words = [drawn.choice(vocabulary) for _ in range(60)]
        if rows and drawn.random() < 0.2:
            words = drawn.choice(rows)["text"].split()[:60]
            words[drawn.randrange(len(words))] = f"v{number}"
        answer, context = number % 97, " ".join(drawn.choice(vocabulary) for _ in range(30))
        if drawn.random() < 0.1:
            words += ["As", "the", "solution", "says,", *context.split()[:15]]
        stated = answer if drawn.random() < 0.7 else answer + 1
        text = " ".join(words) + f" The answer is \\boxed{{\\frac{{{2 * stated}}}{{2}}}}."
        shown = {"context": context, "privilege": "solution"} if number % 2 else {"privilege": "unguided"}
        rows.append({"question": f"{number // 4} questions?", "answer": str(number // 4 % 97), "text": text} | shown)
    coded = [
        {
            "question": f"Code {number}?",
            "answer": f"a{number}",
            "text": f"I say a{number}!" if number % 3 else "I say b.",
        }
        for number in range(150)
    ]
    coded[20]["text"], coded[70]["text"] = "Let me hang.", "Let me die."
    for name, lines in {"traces": rows, "coded": coded}.items():
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (folder / "r.yaml").write_text(RECIPE)
    (folder / "own_grader.py").write_text(GRADER)
    (folder / "own_measure.py").write_text(MEASURE)
    return folder


@pytest.fixture(scope="module")
def here(folder: Path) -> Path:
    done = infogap("run", "r.yaml", "--run", "here", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "here"


@pytest.fixture(scope="module")
def _cluster() -> Iterator[None]:
    with on_ray("local"):
        yield


def results(run: Path) -> dict[str, bytes]:
    """Every file of a run but locks, caches, times and what names the folder."""
    files = {path.relative_to(run): path for path in run.rglob("*") if path.is_file()}
    left_out = ("times.json", "run.json")
    return {
        str(name): path.read_bytes()
        for name, path in files.items()
        if "cache" not in name.parts and not path.name.startswith(".") and path.name not in left_out
    }


@pytest.mark.usefixtures("_cluster")
def test_a_run_has_the_same_bytes(folder: Path, here: Path) -> None:
    done = infogap("run", "r.yaml", "--run", "there", "--ray", "local", cwd=folder)
    assert done.returncode == 0, done.stderr
    one, other = results(here), results(folder / "there")
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []
    run = Run.open(folder / "there")
    assert run.table("duplicates").collect().height > 150
    details = set(run.table("verdicts").collect()["detail"].drop_nulls())
    assert {"grading took more than 10 s", "grading ended its process (signal 9)"} <= details


@pytest.mark.usefixtures("_cluster")
def test_single_stages_have_the_same_bytes(folder: Path, here: Path) -> None:
    run = shutil.copytree(here, folder / "single")
    before = results(run)
    for stage, table in {"tasks": "tasks", "verify": "verdicts", "measure": "measures", "dedupe": "duplicates"}.items():
        for path in (run / table).rglob("*"):
            if path.is_file():
                path.unlink()  # caches too
        done = infogap(stage, run, "--ray", "local", cwd=folder)
        assert done.returncode == 0, done.stderr
    assert results(run) == before


@pytest.mark.usefixtures("_cluster")
def test_a_file_has_the_same_duplicates(folder: Path, tmp_path: Path) -> None:
    rows = pl.read_ndjson(folder / "traces.jsonl").select("text")
    rows.write_parquet(tmp_path / "texts.parquet", row_group_size=700)
    rows.write_ndjson(tmp_path / "texts.jsonl")
    settings = Dedupe(scope="all")
    for file in (tmp_path / "texts.parquet", tmp_path / "texts.jsonl"):
        there = duplicates_in(file, "text", settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("infogap.parallel.ray_cluster._in_use", False)
            here = duplicates_in(file, "text", settings)
        assert len(here.removed) > 100
        assert there.table().equals(here.table())


def test_texts_are_sent_by_value(folder: Path, here: Path, tmp_path: Path) -> None:
    part = next(iter(texts(Run.open(here).folder, Dedupe(scope="all"))))
    moved = PartTexts(tmp_path / "part.parquet", part.compare, part.rows)
    moved.path.write_bytes(part.path.read_bytes())
    pl.DataFrame({"text": ["a b", None]}).write_parquet(tmp_path / "rows.parquet")
    batches = [moved, next(iter(texts_of(tmp_path / "rows.parquet", "text")))]
    sent = pickle.dumps([(batch, batch.texts()) for batch in batches])
    for file in tmp_path.iterdir():
        file.unlink()
    for batch, expected in pickle.loads(sent):
        assert batch.texts().equals(expected)
        assert batch.rows == len(expected)


def test_a_node_without_the_recipes_module_is_told(folder: Path, tmp_path: Path) -> None:
    name = "own_grader:grade"
    sources = {name: source_digest(name, folder)}
    check_sources(sources, folder)
    with pytest.raises(InputError, match=r"has no module 'own_grader' in .*; put the recipe and its modules on a disk"):
        check_sources(sources, tmp_path)
    (tmp_path / "own_grader.py").write_text("def grade(*_): return True\n")
    with pytest.raises(InputError, match="has another module 'own_grader'"):
        check_sources(sources, tmp_path)


def test_ctrl_c_ends_a_command_and_its_cluster(folder: Path, tmp_path: Path) -> None:
    lines = [{"question": f"{number}?", "answer": "a", "text": "b"} for number in range(500)]
    (tmp_path / "traces.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "def grade(response, answer, task):\n"
        f"    pathlib.Path({str(tmp_path / 'began')!r}).touch()\n"
        "    time.sleep(50)\n"
    )
    (tmp_path / "r.yaml").write_text(
        "name: slow\nimport:\n  - from: traces.jsonl\n    columns: {question: question, answer: answer, trace: text}\n"
        "    verifier: slow:grade\n"
    )
    command = [sys.executable, "-m", "infogap", "run", "r.yaml", "--ray", "local"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 300
        while not (tmp_path / "began").exists() and time.monotonic() < until and running.poll() is None:
            time.sleep(0.1)
        assert (tmp_path / "began").exists(), running.stderr.read() if running.stderr else ""
        running.send_signal(signal.SIGINT)
        assert running.wait(200) == 130
        said = running.stderr.read() if running.stderr else ""
    assert "Traceback" not in said
    assert said.rstrip().endswith("the same command continues from there")
