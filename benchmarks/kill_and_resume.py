"""Kill a run during generation again and again; what it ends with must be what an uninterrupted run has.

    python benchmarks/kill_and_resume.py recipes/quickstart.yaml --kills 5

Runs the recipe once in peace and once under SIGKILL at random moments of its generation, and compares: the
same requests, none twice, none missing, the same texts, the same bytes of dataset. Ends with 1 otherwise.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from infogap.generate.trace_store import answered
from infogap.ids import file_digest


def command(recipe: Path, folder: Path) -> list[str]:
    return [sys.executable, "-m", "infogap", "run", str(recipe), "--run", str(folder), "--quiet"]


def run_in_peace(recipe: Path, folder: Path) -> float:
    started = time.monotonic()
    subprocess.run(command(recipe, folder), check=True)
    return time.monotonic() - started


def run_under_fire(recipe: Path, folder: Path, kills: int, seconds: float, seed: int) -> None:
    """Kill the run `kills` times within about `seconds` of generation, then let it finish."""
    chance = random.Random(seed)
    for number in range(1, kills + 1):
        before = answered(folder / "traces")
        process = subprocess.Popen(command(recipe, folder))
        while answered(folder / "traces") in (None, before) and process.poll() is None:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, seconds / kills / 2))
        if process.poll() is not None:
            raise SystemExit(f"the run had ended (code {process.returncode}) before kill {number}: too short a recipe")
        process.send_signal(signal.SIGKILL)
        process.wait()
        done, total = answered(folder / "traces") or (0, 0)
        print(f"kill {number}: {done} of {total} requests on disk")
    subprocess.run(command(recipe, folder), check=True)


def differences(peace: Path, fire: Path) -> list[str]:
    """What the two runs do not have in common."""
    found = []
    one, other = (pl.read_parquet(sorted((run / "traces").glob("part-*.parquet"))) for run in (peace, fire))
    if other["trace_id"].n_unique() != other.height:
        found.append(f"{other.height - other['trace_id'].n_unique()} requests twice")
    missing, extra = set(one["trace_id"]) - set(other["trace_id"]), set(other["trace_id"]) - set(one["trace_id"])
    if missing or extra:
        found.append(f"{len(missing)} requests missing, {len(extra)} that were never asked for")
    joined = one.join(other, on="trace_id")
    torn = joined.filter(
        (pl.col("response") != pl.col("response_right")) | (pl.col("reasoning") != pl.col("reasoning_right"))
    )
    if torn.height:
        found.append(f"{torn.height} other texts")
    for folder in ("traces", "contexts", "verdicts", "measures", "mix", "dataset"):
        if contents(peace / folder) != contents(fire / folder):
            found.append(f"other bytes in {folder}/")
    return found


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): file_digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peace, fire = Path(folder) / "peace", Path(folder) / "fire"
        seconds = run_in_peace(options.recipe, peace)
        run_under_fire(options.recipe, fire, options.kills, seconds, options.seed)
        found = differences(peace, fire)
        rows = pl.scan_parquet(sorted((fire / "traces").glob("part-*.parquet"))).select(pl.len()).collect().item()
    print("\n".join(found) if found else f"the same {rows} traces and the same bytes after {options.kills} kills")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
