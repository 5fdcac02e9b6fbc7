r"""What every stage costs on imported traces, beside a plain script on the same rows; and what 1 % more traces cost.

python benchmarks/pipeline.py [--traces 10000] [--words 300] [--families 200] [--append] [--no-plain]

The corpus, a Parquet file, is made here: traces of sentences with markers and formulas, two of a task, that end in a
boxed answer. A quarter comes from a teacher that was shown a worked solution, and repeats a sentence of it; a tenth are
changed copies of another trace of their task.

infogap runs one command per stage, each in its own process, with its defaults (a worker per core where a stage has
workers). The plain script is one process: `datasets` reads, math_verify grades, `re` counts infogap's markers by one
pattern and kim2026's words by `str.count`, Python's sets compare 8-grams with the solution, datasketch finds
near-duplicates, pandas draws the same share of every family, and `datasets` writes. It does less: no confirmed
duplicates, no rules of leaks, no exact shares, no card.

CPU seconds count all processes of a stage, also its workers, which become this process's children when the stage ends
(PR_SET_CHILD_SUBREAPER: Linux). The peak is that of the largest process.

`--append` then adds 1 % of traces to the file, updates the run stage by stage, and compares with the whole run.

`--changes` leaves the stages' own rows out. It makes the run by one `infogap run`, as users do, and repeats that
command with nothing to do, which shows its start-up; with 1 % more traces; with one more lexicon; with a further
measure; and with another balance.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

STAGES = ("tasks", "import", "verify", "measure", "dedupe", "balance", "publish", "report")
RECIPE = """
name: bench
seed: 7
import:
  - from: traces.parquet
    columns:
      {{question: question, answer: answer, solution: solution, family: family, trace: text, privilege: privilege}}
    verifier: math
measure: {{lexicons: [infogap, kim2026]}}
dedupe: {{scope: all}}
balance: {{size: {size}, family: uniform, verdict: {{correct: 0.9, wrong: 0.1}}, when_short: best_effort}}
publish: {{license: apache-2.0, configs: [sft, traces]}}
"""
_LEXICON = "name: own\nsource: here\nmatching: word\nmarkers: {doubt: [unsure, not certain, I guess, who knows]}\n"
_MEASURE = """
import polars as pl


class Length:
    columns = {"length_of_text": pl.Int64}
    version = 1

    def measure(self, frame):
        return frame.select(length_of_text=pl.col("text").str.len_chars().cast(pl.Int64))


length = Length()
"""
_COPIED = 14  # words: more would keep the trace from being published
_SUBREAPER = 36  # of linux/prctl.h


def rows(traces: int, words: int, families: int) -> Iterator[dict[str, str]]:
    """Yield the rows; the first ones are the same for any number of traces."""
    from measure import FILLER, FORMULAS, MARKERS

    draw = random.Random(1)
    sentences = [_sentence(draw, FILLER, MARKERS, FORMULAS) for _ in range(6_000)]
    worked = [_sentence(draw, FILLER, [], FORMULAS) for _ in range(6_000)]
    text = ""
    for number in range(traces):
        draw = random.Random(number)
        task, shown = number // 2, number % 4 == 3
        answer = task * 37 % 1_000
        solution = " ".join(random.Random(-1 - task).sample(worked, 8)) + f" The answer is {answer}."
        if number % 2 and draw.random() < 0.2:
            parts = text.split(" ")
            for _ in range(len(parts) // 100):
                parts[draw.randrange(len(parts))] = draw.choice(FILLER)
            body = " ".join(parts)
        else:
            body = _body(draw, sentences, words)
        text = body
        if shown:
            body += " " + " ".join(solution.split()[:_COPIED])
        yield {
            "question": f"Task {task}: what is {task} times 37, modulo 1000?",
            "answer": str(answer),
            "solution": solution,
            "family": f"family {task % families}",
            "text": f"{body}\n\nSo it is \\boxed{{{answer if draw.random() < 0.8 else answer + 1}}}.",
            "privilege": "solution" if shown else "unguided",
        }


def _sentence(draw: random.Random, filler: list[str], markers: list[str], formulas: list[str]) -> str:
    words = [draw.choice(filler) for _ in range(draw.randint(8, 24))]
    for pieces, share in ((markers, 0.35), (formulas, 0.4)):
        if pieces and draw.random() < share:
            words.insert(draw.randrange(len(words)), draw.choice(pieces))
    return " ".join(words).capitalize() + draw.choice((".", ".", ".\n", "?"))


def _body(draw: random.Random, sentences: list[str], words: int) -> str:
    parts, length = [], 0
    while length < words:
        parts.append(sentences[int(draw.random() * len(sentences))])
        length += 17
    return " ".join(parts)


def write_corpus(path: Path, traces: int, words: int, families: int) -> None:
    """Write the rows to a Parquet file, block by block."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, block = None, []
    for row in rows(traces, words, families):
        block.append(row)
        if len(block) == 5_000:
            table = pa.Table.from_pylist(block)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
            block = []
    if block:
        table = pa.Table.from_pylist(block)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def run_to_end(command: list[str], cwd: Path, good: tuple[int, ...] = (0,)) -> tuple[float, float, float]:
    """Run a command and all that it starts: CPU seconds, wall seconds, peak MB of the largest process."""
    began = time.perf_counter()
    with (cwd / "output").open("wb") as said:
        process = subprocess.Popen(command, cwd=cwd, stdout=said, stderr=said)
    busy, peak = 0.0, 0.0
    while True:
        try:
            pid, status, used = os.wait4(-1, 0)
        except ChildProcessError:  # all of them have ended
            break
        busy += used.ru_utime + used.ru_stime
        peak = max(peak, used.ru_maxrss / 1024)
        if pid == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            took = time.perf_counter() - began
    if process.returncode not in good:
        sys.exit((cwd / "output").read_text())
    return busy, took, peak


def size_of(folder: Path) -> float:
    """Return the megabytes of a folder's files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def run_stages(folder: Path) -> float:
    """Run every stage on the corpus in `folder`, print a line for each, and return the CPU seconds of all."""
    total = 0.0
    print(f"{'stage':<24}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'MB more':>9}")
    for stage in STAGES:
        before = size_of(folder)
        busy, took, peak = run_to_end([sys.executable, "-m", "infogap", stage, "run"], folder, (0, 4))
        total += busy
        print(f"{stage:<24}{busy:>9.1f}{took:>9.1f}{peak:>9,.0f}{size_of(folder) - before:>9,.1f}", flush=True)
    print(f"{'all':<24}{total:>9.1f}", flush=True)
    return total


def run_at_once(folder: Path, traces: int, words: int, families: int) -> None:
    """Make the run by one command, then change one thing after another; print the CPU seconds of each command."""
    recipe = folder / "r.yaml"
    whole = recipe.read_text()
    (folder / "own.yaml").write_text(_LEXICON)
    (folder / "own.py").write_text(_MEASURE)

    def with_lines(*changes: tuple[str, str]) -> None:
        text = whole
        for before, after in changes:
            if before not in text:
                raise ValueError(f"the recipe has no {before}")
            text = text.replace(before, after)
        recipe.write_text(text)

    def update(what: str, full: float | None = None) -> float:
        command = [sys.executable, "-m", "infogap", "run", "r.yaml", "--run", "at-once"]
        busy, took, peak = run_to_end(command, folder, (0, 4))
        part = "" if full is None else f"{busy / full:>9.1%}"
        print(f"{what:<24}{busy:>9.1f}{took:>9.1f}{peak:>9,.0f}{part}", flush=True)
        return busy

    print(f"{'infogap run':<24}{'CPU s':>9}{'wall s':>9}{'peak MB':>9}{'of all':>9}")
    full = update("everything")
    update("nothing to do", full)
    write_corpus(folder / "traces.parquet", traces + traces // 100, words, families)
    update("1 % more traces", full)
    with_lines(("kim2026]", "kim2026, own.yaml]"))
    update("one more lexicon", full)
    with_lines(("kim2026]", "kim2026, own.yaml], measures: ['own:length']"))
    update("one more measure", full)
    with_lines(
        ("kim2026]", "kim2026, own.yaml], measures: ['own:length']"), ("correct: 0.9, wrong: 0.1", "correct: 1.0")
    )
    update("another balance", full)


def plain(folder: Path) -> None:
    """Do what a person would write for the same rows; print CPU seconds by step as JSON."""
    import pandas as pd
    from datasets import Dataset, load_dataset
    from datasketch import MinHash, MinHashLSH
    from math_verify import parse, verify

    from infogap.measure.lexicon import load

    seconds: dict[str, float] = {}
    last = [time.process_time()]

    def step(name: str) -> None:
        seconds[name] = time.process_time() - last[0]
        last[0] = time.process_time()

    data = load_dataset("parquet", data_files=str(folder / "traces.parquet"), split="train", cache_dir=folder / "cache")
    frame = data.to_pandas()
    step("tasks, import")
    frame["correct"] = [
        bool(verify(parse(f"${gold}$"), parse(text))) for gold, text in zip(frame["answer"], frame["text"], strict=True)
    ]
    step("verify")
    markers = re.compile("|".join(rf"\b{re.escape(marker)}\b" for marker in load("infogap", Path).markers))
    ten = list(load("kim2026", Path).markers)
    lowered = frame["text"].str.lower()
    frame["markers"] = [len(markers.findall(text)) for text in lowered]
    frame["kim2026"] = [sum(text.count(word) for word in ten) for text in lowered]
    frame["copied"] = [
        len(_grams(text, 8) & _grams(solution.lower(), 8)) if shown == "solution" else 0
        for text, solution, shown in zip(lowered, frame["solution"], frame["privilege"], strict=True)
    ]
    step("measure")
    index, kept = MinHashLSH(threshold=0.8, num_perm=128), []
    shingles = ([" ".join(gram).encode() for gram in _grams(text, 5)] for text in lowered)
    for number, sketch in enumerate(MinHash.generator(shingles, num_perm=128)):
        if index.query(sketch):
            continue
        index.insert(number, sketch)
        kept.append(number)
    step("dedupe")
    mix = frame.iloc[kept].groupby(["family", "correct"], group_keys=False).sample(frac=0.4, random_state=7)
    step("balance")
    mix["messages"] = [
        [{"role": "user", "content": question}, {"role": "assistant", "content": text}]
        for question, text in zip(mix["question"], mix["text"], strict=True)
    ]
    Dataset.from_pandas(pd.DataFrame(mix[["messages", "family"]])).to_parquet(folder / "plain-sft.parquet")
    Dataset.from_pandas(frame).to_parquet(folder / "plain-traces.parquet")
    step("publish")
    print(json.dumps(seconds))


def _grams(text: str, size: int) -> set[tuple[str, ...]]:
    words = text.split()
    return set(zip(*(words[start:] for start in range(size)), strict=False))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--traces", type=int, default=10_000)
    options.add_argument("--words", type=int, default=300)
    options.add_argument("--families", type=int, default=200)
    options.add_argument("--append", action="store_true", help="then add 1 %% of traces and update the run")
    options.add_argument("--changes", action="store_true", help="one `infogap run`, and again after changes")
    options.add_argument("--no-plain", action="store_true", help="leave out the plain script")
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # of the plain script, in its own process
    asked = options.parse_args()
    if asked.folder is not None:
        plain(asked.folder)
        return
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "traces.parquet", asked.traces, asked.words, asked.families)
        print(f"{asked.traces:,} traces of {asked.words:,} words, {asked.families:,} families", flush=True)
        (folder / "r.yaml").write_text(RECIPE.format(size=asked.traces // 4))
        if asked.changes:
            run_at_once(folder, asked.traces, asked.words, asked.families)
            return
        make = "from infogap import Run; Run.create('r.yaml', 'run')"
        run_to_end([sys.executable, "-c", make], folder)
        whole = run_stages(folder)
        if not asked.no_plain:
            command = [sys.executable, __file__, "--folder", str(folder)]
            busy, took, peak = run_to_end(command, folder)
            steps = json.loads((folder / "output").read_text().splitlines()[-1])
            for step, seconds in steps.items():
                print(f"{f'plain: {step}':<24}{seconds:>9.1f}")
            print(f"{'plain: all':<24}{busy:>9.1f}{took:>9.1f}{peak:>9,.0f}", flush=True)
        if asked.append:
            print("1 % more traces")
            write_corpus(folder / "traces.parquet", asked.traces + asked.traces // 100, asked.words, asked.families)
            print(f"{run_stages(folder) / whole:.0%} of the CPU of the whole run")


if __name__ == "__main__":
    main()
