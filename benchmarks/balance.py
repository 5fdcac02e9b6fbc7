"""Time the mix at scale: the stage on a million traces, and how its time grows with the number of families.

    python benchmarks/balance.py                 # 1,000,000 traces, 10,000 families, 5 axes; about a minute
    python benchmarks/balance.py --families      # 100, 1,000 and 10,000 families of 100 traces

The peer is what a person would write with pandas: a group-by of the same pool and a sample of each group. It meets
shares of one axis at a time, no cap per task and no joint targets, so the ratio says what exactness costs. Pools are
drawn so that targets and caps bind: families differ in how much doubt they have, and of a task only 4 of about 10
traces may be taken.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

PER_TASK = 10
CAP = 4
RECIPE = """\
name: scale
seed: 7
import: [{{from: traces.jsonl, columns: {{trace: text}}}}]
balance:
  size: {size}
  max_per_task: {cap}
  verdict: {{correct: 0.9, wrong: 0.1}}
  band: {{uncertain: 0.4, mixed: 0.3, confident: 0.3}}
  privilege: {{unguided: 0.4, hint: 0.3, solution: 0.3}}
  family: uniform
  words: {{cuts: [300, 900], shares: [0.3, 0.4, 0.3]}}
"""


def pool(families: int, traces: int, seed: int = 0) -> pl.DataFrame:
    """Return traces with what the mix looks at, in the order of their tasks."""
    random = np.random.default_rng(seed)
    family = np.repeat(np.arange(families), -(-traces // families))[:traces]
    task = np.arange(traces) // PER_TASK
    doubt = random.beta(2, 2, families)[family]  # how much of a family's traces is uncertain
    band = np.where(random.random(traces) < doubt * 0.8, 0, np.where(random.random(traces) < 0.5, 1, 2))
    return pl.DataFrame(
        {
            "trace_id": [f"t{number:08d}" for number in range(traces)],
            "task_id": [f"k{number:07d}" for number in task],
            "family": [f"f{number:05d}" for number in family],
            "privilege": np.array(["unguided", "hint", "solution"])[random.integers(0, 3, traces)],
            "verdict": np.where(random.random(traces) < 0.75, "correct", "wrong"),
            "band": np.array(["uncertain", "mixed", "confident"])[band],
            "words": random.lognormal(6.2, 0.7, traces).astype(np.int64),
        }
    )


def write_run(folder: Path, frame: pl.DataFrame, size: int) -> Any:
    """Write a run folder as the stages before `balance` leave it."""
    from infogap.recipe import load_recipe
    from infogap.runs.run_folder import Run
    from infogap.schema import DUPLICATES, MEASURES, TASKS, TRACES, VERDICTS

    (folder / "recipe.yaml").write_text(RECIPE.format(size=size, cap=CAP))
    run = Run(folder / "run", load_recipe(folder / "recipe.yaml").recipe, folder)
    tasks = frame.select("task_id", "family").unique("task_id", maintain_order=True)
    known = [
        (TASKS, tasks.with_columns(answer=pl.lit("5"), verifier=pl.lit("math"))),
        (
            TRACES,
            frame.select("trace_id", "task_id", "privilege").with_columns(
                teacher=pl.lit("teacher"), response=pl.lit("So it is 5.")
            ),
        ),
        (VERDICTS, frame.select("trace_id", "verdict")),
        (MEASURES, frame.select("trace_id", "band", "words", leak=pl.lit(False))),
        (DUPLICATES, frame.clear().select("trace_id")),
    ]
    for table, columns in known:
        missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in table.schema.items() if name not in columns]
        with run.rewrite(table) as out:
            out.write(columns.with_columns(missing).select(table.schema.names()))
    return run


def time_stage(folder: Path) -> dict[str, float]:
    """Make the mix in a process of its own and return its seconds and peak memory, with the figures of the mix."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from balance import inside; "
        f"inside({str(folder)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    values = [float(value) for value in done.stdout.split()]
    return dict(zip(("wall", "cpu", "peak_mb", "selected", "off"), values, strict=True))


def inside(folder: str) -> None:
    """Run in the process that is measured."""
    from infogap.balance.stage import STAGE
    from infogap.recipe import load_recipe
    from infogap.runs.run_folder import Run

    run = Run(Path(folder) / "run", load_recipe(Path(folder) / "recipe.yaml").recipe, Path(folder))
    wall, cpu = time.perf_counter(), time.process_time()
    counts = STAGE.make(run).counts["mixes"]["mix"]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    off = sum(abs(cell["target"] - cell["achieved"]) for axis in counts["axes"].values() for cell in axis.values())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(wall, cpu, peak, counts["size"], off)


def time_pandas(frame: pl.DataFrame, size: int) -> tuple[float, float]:
    """Sample each family and stratum of the same pool with pandas; return wall and CPU seconds."""
    table = frame.to_pandas()
    wall, cpu = time.perf_counter(), time.process_time()
    table["long"] = np.searchsorted([300, 900], table["words"], side="right")
    share = size / len(table)
    table.groupby(["family", "band", "verdict", "privilege", "long"], observed=True).sample(frac=share, random_state=7)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", action="store_true", help="compare numbers of families")
    parser.add_argument("--traces", type=int, default=1_000_000)
    options = parser.parse_args()
    pools = (
        [(families, 100 * families) for families in (100, 1_000, 10_000)]
        if options.families
        else [(10_000, options.traces)]
    )
    print("families     traces      mix   wall s    CPU s  ms/family  peak MB  off  pandas s  ratio")
    for families, traces in pools:
        size = traces // 5
        frame = pool(families, traces)
        with tempfile.TemporaryDirectory() as folder:
            write_run(Path(folder), frame, size)
            found = time_stage(Path(folder))
        pandas_wall, _ = time_pandas(frame, size)
        print(
            f"{families:>8,} {traces:>10,} {found['selected']:>8,.0f} {found['wall']:>8.1f} {found['cpu']:>8.1f} "
            f"{1000 * found['cpu'] / families:>10.2f} {found['peak_mb']:>8,.0f} {found['off']:>4.0f} "
            f"{pandas_wall:>9.1f} {found['wall'] / pandas_wall:>6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
