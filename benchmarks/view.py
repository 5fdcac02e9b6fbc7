"""Time the browser of traces on a million synthetic traces, as a browser would ask for them.

    python benchmarks/view.py                          # makes the run in a temporary folder: some minutes, 2 GB
    python benchmarks/view.py --traces 100000 --keep DIR

The peer reads the run's tables with polars for every page, with the same joins, filter, sort and counts, as a page
without an index would. Its time is the ratio's denominator.
"""

from __future__ import annotations

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, DUPLICATES, MEASURES, MIX, TASKS, TOKEN_GAPS, TRACES, VERDICTS, Table

PER_TASK = 12  # four privileges, three samples each
PRIVILEGES = np.array(["unguided", "hint", "answer", "solution"])
WORDS = 250  # of a trace: 1.4 kB
AT_ONCE = 20_000
RECIPE = "name: scale\nimport: [{from: traces.jsonl, columns: {question: q, answer: a, trace: t}}]\n"
PROSE = (
    "we need to find the sum of all even numbers between one and twenty so first list them then add each pair wait "
    "perhaps I should check that again since seven times eight is fifty six and not fifty four therefore maybe"
)
VOCABULARY = PROSE.split()


def make_run(folder: Path, traces: int, seed: int = 0) -> None:
    """Write a run's tables with so many traces, in parts as the stages write them."""
    (folder / "recipe.yaml").write_text(RECIPE)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    run.save_recipe()
    random = np.random.default_rng(seed)
    writers: dict[str, Any] = {}
    tables = (TASKS, TRACES, CONTEXTS, VERDICTS, MEASURES, DUPLICATES, MIX, TOKEN_GAPS)
    opened = [(table, run.rewrite(table)) for table in tables]
    for table, context in opened:
        writers[table.name] = context.__enter__()
    for start in range(0, traces, AT_ONCE):
        for table, frame in _tables(np.arange(start, min(start + AT_ONCE, traces)), random):
            writers[table.name].write(frame.match_to_schema(table.schema, missing_columns="insert"))
    for _, context in opened:
        context.__exit__(None, None, None)


def _tables(numbers: np.ndarray[Any, Any], random: np.random.Generator) -> list[tuple[Table, pl.DataFrame]]:
    count = len(numbers)
    task = numbers // PER_TASK
    first = numbers % PER_TASK == 0
    words = random.choice(VOCABULARY, (count, WORDS))
    texts = [" ".join(row) for row in words.tolist()]
    density = random.gamma(1.5, 8, count)
    leak = random.random(count) < 0.02
    leaks = [
        [{"kind": "copying", "rule": "run", "start": 0, "end": 10, "evidence": "x"}] if each else [] for each in leak
    ]
    ids = pl.DataFrame({"trace_id": [f"{number * 2654435761 % 2**64:020x}" for number in numbers.tolist()]})
    tasks = pl.DataFrame({"task_id": [f"{number:020x}" for number in task[first].tolist()]})
    privilege = PRIVILEGES[numbers % PER_TASK // 3]
    guided = pl.DataFrame({"privilege": privilege, "task_id": [f"{number:020x}" for number in task.tolist()]})
    selected = random.random(count) < 0.3
    return [
        (
            TASKS,
            tasks.with_columns(
                family=pl.Series([f"family {number % 40}" for number in task[first].tolist()]),
                question=pl.Series([f"What is {number} plus {number}, and why?" for number in task[first].tolist()]),
                answer=pl.lit("4"),
            ),
        ),
        (
            TRACES,
            ids.hstack(guided).with_columns(
                context_id=pl.when(pl.col("privilege") != "unguided").then(pl.concat_str("task_id", "privilege")),
                teacher=pl.lit("Teacher-8B"),
                sample=pl.Series(numbers % 3),
                round=pl.lit(0, pl.Int64),
                reasoning=pl.Series(texts),
                response=pl.lit("So it is \\boxed{4}."),
                finish_reason=pl.lit("stop"),
                completion_tokens=pl.Series(random.lognormal(6, 0.6, count).astype(np.int64)),
            ),
        ),
        (
            CONTEXTS,
            guided.filter(pl.col("privilege") != "unguided")
            .unique(maintain_order=True)
            .with_columns(context_id=pl.concat_str("task_id", "privilege"), text=pl.lit("The final answer: 4")),
        ),
        (
            VERDICTS,
            ids.with_columns(
                verdict=pl.Series(np.where(random.random(count) < 0.7, "correct", "wrong")),
                extracted_answer=pl.lit("4"),
                score=pl.lit(1.0),
            ),
        ),
        (
            MEASURES,
            ids.with_columns(
                words=pl.lit(WORDS, pl.Int64),
                epistemic_count=pl.Series((density / 4).astype(np.int64)),
                epistemic_density=pl.Series(density),
                band=pl.Series(np.where(density > 15, "uncertain", np.where(density > 5, "mixed", "confident"))),
                leak=pl.Series(leak),
                leaks=pl.Series(leaks, dtype=MEASURES.schema["leaks"]),
                gap_per_token=pl.Series(random.normal(0, 0.2, count)),
            ),
        ),
        (
            DUPLICATES,
            ids[5::50].with_columns(duplicate_of=ids["trace_id"][4::50][: len(ids[5::50])], jaccard=pl.lit(0.9)),
        ),
        (
            MIX,
            ids.with_columns(
                mix=pl.lit("mix"),
                selected=pl.Series(selected),
                reason=pl.Series(np.where(selected, "selected", "over_quota")),
            ),
        ),
        (
            TOKEN_GAPS,
            ids[::100].with_columns(
                tokens=pl.lit(["a"] * 300, pl.List(pl.String)), gaps=pl.lit([0.5] * 300, pl.List(pl.Float32))
            ),
        ),
    ]


class Server:
    """`infogap view` in a process of its own."""

    def __init__(self, run: Path) -> None:
        started = time.perf_counter()
        command = [sys.executable, "-m", "infogap", "view", str(run), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        link = self.process.stdout.readline().strip()
        self.seconds_to_link = time.perf_counter() - started
        address, self._token = link.split("/?token=")
        self._host = address.removeprefix("http://")

    def ask(self, path: str) -> tuple[float, dict[str, Any]]:
        """Return the seconds to an answer, and the answer."""
        started = time.perf_counter()
        connection = http.client.HTTPConnection(self._host, timeout=600)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
        response = connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - started
        assert response.status == 200, body
        return seconds, orjson.loads(body)

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def _from_disk(run: Run, condition: pl.Expr, sort: str) -> float:
    """Return the seconds of the peer: a page of 50 and the counts of four columns, from the tables."""
    started = time.perf_counter()
    joined = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "completion_tokens")
        .join(run.scan(TASKS).select("task_id", "family"), on="task_id", how="left")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id", how="left")
        .join(run.scan(MEASURES).select("trace_id", "band", "epistemic_density", "leak"), on="trace_id", how="left")
        .join(run.scan(MIX).select("trace_id", "reason"), on="trace_id", how="left")
        .filter(condition)
    )
    page = joined.sort(sort, "trace_id").head(50)
    counts = [joined.group_by(name).len() for name in ("privilege", "verdict", "band", "family")]
    pl.collect_all([page, *counts])
    return time.perf_counter() - started


QUESTIONS = {
    "first page": "",
    "filter: verdict": "verdict=wrong",
    "filter: privilege, band": "privilege=solution&band=uncertain",
    "filter: range of tokens": "tokens=300..500",
    "sort: density": "sort=-density",
    "filter and sort": "leak=copying&sort=-gap",
    "page 900": "sort=-density&page=900",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--traces", type=int, default=1_000_000)
    arguments.add_argument("--keep", type=Path, help="a folder to make the run in, or to find it in")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "run" / "mix").is_dir():
            make_run(folder, chosen.traces)
        measure(folder / "run")


def measure(path: Path) -> None:
    server = Server(path)
    started = f"{server.seconds_to_link:.2f} s, {server.cpu_seconds():.1f} CPU s, {server.peak_megabytes():.0f} MB"
    print(f"start to link: {started}")
    print("\n| question | wall s | CPU s | traces |\n| --- | ---: | ---: | ---: |")
    for name, query in QUESTIONS.items():
        _timed(server, name, f"/api/traces?{query}")
    _, page = server.ask("/api/traces?leak=copying")
    row = page["rows"][0]
    _timed(server, "a task", f"/api/task/{row['task_id']}")
    _timed(server, "a trace", f"/api/trace/{row['trace_id']}")
    _timed(server, "a trace again", f"/api/trace/{page['rows'][1]['trace_id']}")
    _timed(server, "next and previous", f"/api/neighbours/{row['trace_id']}?sort=-density")
    _timed(server, "search", "/api/traces?search=eight+wait")
    _timed(server, "the same search, filtered", "/api/traces?search=eight+wait&verdict=wrong")
    _timed(server, "search without a match", "/api/traces?search=elephants")
    print(f"\npeak {server.peak_megabytes():.0f} MB, {server.cpu_seconds():.0f} CPU s in all")
    filtered = min(server.ask("/api/traces?verdict=wrong&sort=-density")[0] for _ in range(3))
    server.stop()
    seconds = _from_disk(Run.open(path), pl.col("verdict") == "wrong", "epistemic_density")
    ratio = f"from the tables each time {seconds:.2f} s, {seconds / filtered:.0f} times as long"
    print(f"a filter and a sort: {filtered:.2f} s; {ratio}")


def _timed(server: Server, name: str, address: str) -> None:
    before = server.cpu_seconds()
    seconds, answer = server.ask(address)
    total = f"{answer['total']:,}" if "total" in answer else ""
    print(f"| {name} | {seconds:.2f} | {server.cpu_seconds() - before:.2f} | {total} |")


if __name__ == "__main__":
    main()
