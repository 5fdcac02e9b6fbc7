"""How long `infogap --help` takes, against a bare Python and against importing polars, in the same run.

python benchmarks/startup.py [RUNS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "infogap --help": [sys.executable, "-m", "infogap", "--help"],
    "infogap run --help": [sys.executable, "-m", "infogap", "run", "--help"],
    "python -c 'import polars'": [sys.executable, "-c", "import polars"],
}


def main(runs: int) -> None:
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():  # interleaved, so that a busy moment hits all of them
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    bare = statistics.median(seconds["python -c pass"])
    print(f"{'command':<28}{'median s':>10}{'min s':>10}{'x bare':>8}   ({runs} runs)")
    for name, times in seconds.items():
        median = statistics.median(times)
        print(f"{name:<28}{median:>10.3f}{min(times):>10.3f}{median / bare:>8.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
