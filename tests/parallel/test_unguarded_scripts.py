"""Scripts without a guard, and those on standard input, start workers like any other."""

from __future__ import annotations

import operator
import subprocess
import sys
from pathlib import Path

import pytest

from infogap.parallel.unguarded_scripts import of_the_script

SCRIPTS = {
    "bounded": (
        "from infogap.parallel.bounded_processes import bounded\n"
        "print(list(bounded(len, ['a', 'bb', 'ccc'], limit=5, workers=1)))\n"
    ),
    "ordered": (
        "from infogap.parallel.ordered import processes_in_order\n"
        "print(list(processes_in_order(len, ['a', 'bb', 'ccc'], 3, workers=2)))\n"
    ),
    "call by call": (
        "from infogap.parallel.bounded_call import BoundedCall\n"
        "calls = BoundedCall(len, limit=5, deadline=30, memory=2**30)\n"
        "print([calls(each) for each in ('a', 'bb', 'ccc')])\n"
        "calls.close()\n"
    ),
    "graded": (
        "import infogap\n"
        "import polars as pl\n"
        "answers = pl.Series(['1', '2', '3'])\n"
        "graded = infogap.grade('so \\\\boxed{' + answers + '}', answers)\n"
        "print((graded['verdict'] == 'correct').cum_sum().to_list())\n"
    ),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("given", ["file", "standard input"])
def test_an_unguarded_script_runs_once(script: str, given: str, tmp_path: Path) -> None:
    script = f"{script}import __main__\nassert __main__.__spec__ is None and __main__.__file__\n"
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py") if given == "file" else "-"]
    ran = subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=120)
    assert (ran.stdout, ran.returncode) == ("[1, 2, 3]\n", 0), ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_scripts_own_functions_are_known() -> None:
    assert not of_the_script(len, None, operator.neg)
    code = (
        "from functools import partial\n"
        "from infogap.parallel.unguarded_scripts import of_the_script\n"
        "def own(text): return text\n"
        "assert of_the_script(len, partial(own, 'a')) and not of_the_script(partial(len, 'a'))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
