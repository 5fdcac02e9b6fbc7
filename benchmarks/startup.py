"""How long commands take that have nothing to do, against a bare Python and against importing polars, in the same run.

python benchmarks/startup.py [RUNS]

The finished run is made first, in a temporary folder: 200 imported traces of `pipeline.py`, all stages. CPU seconds are
of the process, wherever the machine made it wait.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pipeline

_TRACES, _WORDS, _FAMILIES = 200, 300, 20
_INFOGAP = [sys.executable, "-m", "infogap"]
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "infogap --help": [*_INFOGAP, "--help"],
    "infogap run --help": [*_INFOGAP, "run", "--help"],
    "python -c 'import polars'": [sys.executable, "-c", "import polars"],
    "infogap run, nothing to do": [*_INFOGAP, "run", "r.yaml", "--run", "run"],
    "infogap measure, likewise": [*_INFOGAP, "measure", "run"],
}


def make_run(folder: Path) -> None:
    """Make the finished run."""
    pipeline.write_corpus(folder / "traces.parquet", _TRACES, _WORDS, _FAMILIES)
    (folder / "r.yaml").write_text(pipeline.RECIPE.format(size=_TRACES // 4))
    command = COMMANDS["infogap run, nothing to do"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 4):  # 4: done, but short of the recipe's target
        sys.exit(done.stderr)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(runs: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    cpu: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        make_run(Path(folder))
        for _ in range(runs):
            for name, command in COMMANDS.items():  # interleaved, so that a busy moment hits all of them
                started, before = time.perf_counter(), _cpu_seconds()
                subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                seconds[name].append(time.perf_counter() - started)
                cpu[name].append(_cpu_seconds() - before)
    bare = statistics.median(cpu["python -c pass"])
    print(f"{'command':<28}{'median s':>10}{'min s':>8}{'CPU s':>8}{'min CPU':>9}{'x bare':>8}   ({runs} runs)")
    for name, times in seconds.items():
        used = statistics.median(cpu[name])
        figures = f"{statistics.median(times):>10.3f}{min(times):>8.3f}{used:>8.3f}{min(cpu[name]):>9.3f}"
        print(f"{name:<28}{figures}{used / bare:>8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
