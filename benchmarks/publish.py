"""Measure what publishing costs: CPU seconds, wall, peak memory and bytes of the stage alone, beside plain scripts.

    python benchmarks/publish.py                                  # 100,000 traces of 300 words
    python benchmarks/publish.py --traces 1000000 --words 300     # several minutes; 4 GB of disk
    python benchmarks/publish.py --folder DIR --no-peers          # keep the run, and use it again

The tables of a run are written directly, as the stages before `publish` leave them: four traces of a task, a quarter
of the traces by a teacher that was shown a context of 150 words, half of the traces in the mix. The peers are what a
person would write: the same tables joined by Polars, sorted by id, and written as `sft` and `traces` by `datasets` or
by Polars itself. They check nothing: no text is compared with the contexts, nothing is counted, and there is no card.
Each side runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

PER_TASK = 4
CONTEXT_WORDS = 150
QUESTION_WORDS = 30
FAMILIES = 200
BLOCK = 2_000  # traces per part
_VOCABULARY = 50_000
_DRAWN = 4_000_000  # words drawn once, from which texts take theirs
_MARKERS = ("wait", "hmm", "let me check", "perhaps", "maybe", "actually", "i think", "not sure", "alternatively")
_CATEGORIES = ("doubt", "check", "revise", "plan")
RECIPE = """\
name: scale
seed: 7
tasks: [{from: tasks.jsonl, columns: {solution: solution}}]
teacher: {backend: openai, model: teacher, base_url: http://localhost:1}
generate: {samples: 2, privileges: [unguided, solution]}
publish: {version: 1.0.0}
"""


class Words:
    """Texts of words drawn by a Zipf law."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        letters = random.integers(97, 123, size=(_VOCABULARY, 9), dtype=np.uint8)
        lengths = random.integers(2, 10, size=_VOCABULARY)
        self._words = pa.array([row[:size].tobytes().decode() for row, size in zip(letters, lengths, strict=True)])
        self._drawn = np.minimum(random.zipf(1.2, size=_DRAWN) - 1, _VOCABULARY - 1).astype(np.int32)

    def texts(self, random: np.random.Generator, rows: int, words: int) -> pl.Series:
        """Return `rows` texts of about `words` words, between a half and one and a half times as many."""
        ends = np.concatenate([[0], np.cumsum(random.integers(words // 2, words + words // 2, size=rows))])
        drawn = self._drawn[random.integers(0, _DRAWN, ends[-1], dtype=np.int32)]
        lists = pa.ListArray.from_arrays(ends.astype(np.int32), self._words.take(pa.array(drawn)))
        texts = pl.from_arrow(pc.binary_join(lists, " "))
        assert isinstance(texts, pl.Series)
        return texts


def write_run(folder: Path, traces: int, words: int) -> None:
    """Write the tables and manifests that `publish` reads."""
    from infogap.recipe import load_recipe
    from infogap.runs import manifest
    from infogap.runs.run_folder import Run
    from infogap.schema import CONTEXTS, DUPLICATES, MEASURES, MIX, TASKS, TRACES, VERDICTS

    (folder / "recipe.yaml").write_text(RECIPE)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    run.save_recipe()
    tables = (TASKS, CONTEXTS, TRACES, VERDICTS, MEASURES, DUPLICATES, MIX)
    lexicon = Words(1)
    writers: dict[str, Any] = {}
    opened = [run.rewrite(table) for table in tables]
    for table, each in zip(tables, opened, strict=True):
        writers[table.name] = each.__enter__()
    for start in range(0, traces, BLOCK):
        count = min(BLOCK, traces - start)
        for name, frame in _block(np.random.default_rng([1, start]), lexicon, start, count, words).items():
            table = writers[name].table
            missing = [
                pl.lit(None, dtype=dtype).alias(each) for each, dtype in table.schema.items() if each not in frame
            ]
            writers[name].write(frame.with_columns(missing).select(table.schema.names()).cast(dict(table.schema)))
    for table, each in zip(tables, opened, strict=True):
        each.__exit__(None, None, None)
        rows = writers[table.name].rows
        files = manifest.describe_files(run.path, run.part_paths(table))
        made = manifest.Manifest(table.name, 1, f"{table.name}-print", {}, {}, rows, {}, files)
        manifest.write(run.manifest_path(table.name), made)


def _block(random: np.random.Generator, lexicon: Words, start: int, count: int, words: int) -> dict[str, pl.DataFrame]:
    """Return rows of every table for `count` traces, whose ids are in no order, as hashes are."""
    first, tasks = start // PER_TASK, -(-count // PER_TASK)
    task_ids = [f"{(first + task) * 2654435761 % 2**32:08x}{first + task:08x}" for task in range(tasks)]
    number = np.arange(count)
    task_of, sample = number // PER_TASK, number % PER_TASK
    ids = [f"{(start + each) * 2246822519 % 2**32:08x}{start + each:08x}" for each in range(count)]
    # Two traces of every other task were written by a teacher that saw its context.
    guided = (sample >= 2) & ((first + task_of) % 2 == 0)
    with_context = [task for task in range(tasks) if (first + task) % 2 == 0]
    privilege = np.where(guided, "solution", "unguided")
    task_id = [task_ids[task] for task in task_of]
    reasoning = lexicon.texts(random, count, words - words // 5)
    response = lexicon.texts(random, count, words // 5)
    kinds = random.integers(0, 64, count)
    lexicons = _measures()[kinds]
    leak = (random.random(count) < 0.02) & guided
    places = [
        [{"kind": "mention", "rule": "the_solution", "start": 5, "end": 19, "evidence": "x"}] if one else []
        for one in leak
    ]
    selected = (random.random(count) < 0.5) & ~leak
    duplicate = random.random(count) < 0.05
    answers = [str(each) for each in random.integers(1_000, 1_000_000, tasks)]
    return {
        "tasks": pl.DataFrame(
            {
                "task_id": task_ids,
                "source": ["tasks.jsonl"] * tasks,
                "family": [f"family{(first + task) % FAMILIES:03d}" for task in range(tasks)],
                "difficulty": [str((first + task) % 5) for task in range(tasks)],
                "question": lexicon.texts(random, tasks, QUESTION_WORDS),
                "answer": answers,
                "verifier": ["math"] * tasks,
                "metadata": [f'{{"row":{first + task}}}' for task in range(tasks)],
            }
        ),
        "contexts": pl.DataFrame(
            {
                "context_id": [f"c{task_ids[task]}" for task in with_context],
                "task_id": [task_ids[task] for task in with_context],
                "privilege": ["solution"] * len(with_context),
                "text": lexicon.texts(random, len(with_context), CONTEXT_WORDS),
            }
        ),
        "traces": pl.DataFrame(
            {
                "trace_id": ids,
                "task_id": task_id,
                "privilege": privilege,
                "context_id": [f"c{each}" if one else None for each, one in zip(task_id, guided, strict=True)],
                "teacher": ["teacher"] * count,
                "sample": sample % 2,
                "seed": random.integers(0, 2**31, count),
                "round": np.zeros(count, np.int64),
                "reasoning": reasoning,
                "response": response,
                "finish_reason": ["stop"] * count,
                "prompt_tokens": random.integers(40, 90, count),
                "completion_tokens": random.integers(words, 2 * words, count),
            }
        ),
        "verdicts": pl.DataFrame(
            {
                "trace_id": ids,
                "verdict": np.where(random.random(count) < 0.75, "correct", "wrong"),
                "extracted_answer": [answers[task] for task in task_of],
                "score": np.ones(count),
            }
        ),
        "measures": pl.DataFrame(
            {
                "trace_id": ids,
                "words": random.integers(words // 2, words + words // 2, count),
                "reasoning_words": random.integers(words // 2, words, count),
                "band": np.array(["uncertain", "mixed", "confident"])[random.integers(0, 3, count)],
                "density_per": ["tokens"] * count,
                "self_corrections": random.integers(0, 4, count),
                "answer_changes": random.integers(0, 2, count),
                "leak": leak,
                "leaks": places,
                "copied_share": random.random(count),
                "longest_copy": random.integers(0, 9, count),
            }
        ).hstack(lexicons.with_columns(epistemic_density=pl.Series(random.random(count) * 20))),
        "duplicates": pl.DataFrame(
            {
                "trace_id": ids,
                "duplicate_of": [ids[0]] * count,
                "jaccard": random.random(count),
                "how": ["minhash"] * count,
            }
        ).filter(pl.Series(duplicate)),
        "mix": pl.DataFrame(
            {
                "mix": ["mix"] * count,
                "trace_id": ids,
                "selected": selected,
                "stratum": ["verdict=correct"] * count,
                "reason": np.where(selected, "selected", np.where(leak, "leak", "over_quota")),
            }
        ),
    }


@cache
def _measures() -> pl.DataFrame:
    """Return 64 rows of marker counts by two lexicons."""
    from infogap.schema import LEXICON_COUNTS, MARKER_COUNTS

    random = np.random.default_rng(1)
    rows = []
    for kind in range(64):
        entries = [_counts(random, name, 1 + kind % 8) for name in ("infogap", "kim2026")]
        first = {name: entries[0][name] for name in ("epistemic_count", "markers")}
        rows.append(first | {"lexicons": entries})
    return pl.DataFrame(
        rows, schema={"epistemic_count": pl.Int64, "markers": MARKER_COUNTS, "lexicons": LEXICON_COUNTS}
    )


def _counts(random: np.random.Generator, lexicon: str, markers: int) -> dict[str, Any]:
    drawn = sorted(set(random.integers(0, len(_MARKERS), markers).tolist()))
    counts = random.integers(1, 6, len(drawn)).tolist()
    total = sum(counts)
    return {
        "lexicon": lexicon,
        "epistemic_count": total,
        "epistemic_density": total / 3,
        "markers": [{"marker": _MARKERS[each], "count": count} for each, count in zip(drawn, counts, strict=True)],
        "categories": [{"category": each, "count": total // 4} for each in _CATEGORIES],
        "reasoning_count": total,
        "first": random.random(),
        "quarters": random.integers(0, 5, 4).tolist(),
    }


def publish(folder: Path) -> Path:
    """Run the stage and return the folder it wrote."""
    from infogap.publish.stage import FOLDER, STAGE
    from infogap.runs.run_folder import Run

    run = Run.open(folder / "run")
    STAGE.make(run)
    return run.path / FOLDER / "data"


def _joined(folder: Path) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Join the tables as the configs `sft` and `traces` have them."""
    table = {path.name: pl.scan_parquet(path / "*.parquet") for path in (folder / "run").iterdir() if path.is_dir()}
    rows = (
        table["traces"]
        .drop("error")
        .join(table["tasks"].drop("solution", "metadata"), on="task_id", how="left")
        .join(table["verdicts"].drop("detail"), on="trace_id", how="left")
        .join(table["measures"], on="trace_id", how="left")
        .join(table["duplicates"].drop("how"), on="trace_id", how="left")
        .join(table["mix"].drop("mix"), on="trace_id", how="left")
    )
    thought = pl.format("<think>\n{}\n</think>\n\n{}", "reasoning", "response")
    messages = pl.concat_list(
        pl.struct(role=pl.lit("user"), content="question"), pl.struct(role=pl.lit("assistant"), content=thought)
    )
    columns = ("trace_id", "task_id", "family", "difficulty", "privilege", "verdict", "band", "teacher")
    sft = rows.filter("selected").select(messages.alias("messages"), *columns).sort("trace_id")
    leaks = pl.col("leaks").list.eval(
        pl.struct(*(pl.element().struct.field(name) for name in ("kind", "rule", "start", "end")))
    )
    withheld = [
        pl.when("leak").then(pl.lit(text, pl.String)).otherwise(name).alias(name)
        for name, text in (("response", ""), ("reasoning", None))
    ]
    return sft, rows.with_columns(leaks, *withheld).sort("trace_id")


def with_datasets(folder: Path) -> Path:
    """Collect each config with Polars and write it with `datasets`, as a person would."""
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    target = folder / "by-datasets"
    target.mkdir(exist_ok=True)
    for name, rows in zip(("sft", "traces"), _joined(folder), strict=True):
        Dataset.from_polars(rows.collect()).to_parquet(target / f"{name}.parquet")
    return target


def with_polars(folder: Path) -> Path:
    """Let Polars join, sort and write each config, in its streaming engine."""
    target = folder / "by-polars"
    target.mkdir(exist_ok=True)
    for name, rows in zip(("sft", "traces"), _joined(folder), strict=True):
        rows.sink_parquet(target / f"{name}.parquet", compression="zstd")
    return target


SIDES: dict[str, Callable[[Path], Path]] = {
    "infogap publish": publish,
    "Polars and datasets": with_datasets,
    "Polars alone": with_polars,
}


def inside(name: str, folder: str) -> None:
    """Run one side in the process that is measured, and print its figures."""
    started = time.perf_counter()
    target = SIDES[name](Path(folder))
    used = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "cpu": used.ru_utime + used.ru_stime + children.ru_utime + children.ru_stime,
        "wall": time.perf_counter() - started,
        "peak_mb": used.ru_maxrss / 1024,
        "mb": sum(path.stat().st_size for path in target.rglob("*.parquet")) / 1e6,
    }
    print(json.dumps(figures))


def measure(name: str, folder: Path) -> dict[str, float]:
    """Run one side in a process of its own."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import publish; "
        f"publish.inside({name!r}, {str(folder)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=300)
    parser.add_argument("--folder", type=Path, help="keep the run here, and use the one that is there")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "run/mix/manifest.json").is_file():
            write_run(folder, options.traces, options.words)
        print(f"{options.traces:,} traces of {options.words:,} words")
        print("| side | CPU s | wall s | peak MB | MB written |\n| --- | ---: | ---: | ---: | ---: |")
        for name in [*SIDES][: 1 if options.no_peers else None]:
            found = measure(name, folder)
            print(
                f"| {name} | {found['cpu']:.1f} | {found['wall']:.1f} | {found['peak_mb']:,.0f} | {found['mb']:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
