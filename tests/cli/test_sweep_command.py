"""The comparison table of a sweep fits the terminal and says everything, whatever the settings and the figures."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from infogap.cli.sweep_command import _count, comparison_in_words
from infogap.sweeps.comparison import COLUMNS, missing_row
from infogap.sweeps.grid import Cell, grid

FIGURES: dict[str, Any] = {
    "state": "done",
    "traces": 12_345_678,
    "failed": 0,
    "accuracy": 0.512,
    "density": 12.345,
    "leak_rate": 1.0,
    "mix": 99_999,
    "target": 99_999,
    "met": True,
    "mix_tasks": 54_321,
    "mix_families": 20,
    "mix_tokens": 1_234_567_890,
    "mix_density": 0.123456,
}


def printed(cells: list[Cell], rows: list[dict[str, Any]], width: int = 80) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, markup=False, highlight=False, emoji=False)
    for part in comparison_in_words(cells, rows, width):
        console.print(part, soft_wrap=isinstance(part, str))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def row(cell: Cell, **more: Any) -> dict[str, Any]:
    return missing_row(cell) | FIGURES | more


def test_a_row_has_its_settings_and_figures_in_short() -> None:
    cells = grid({"balance.size": ["5", "10"], "generate.samples": ["4"]})
    lines = printed(cells, [row(cells[0]), row(cells[1], mix=3, target=10, met=False, shortfall="too few\nof all")])
    assert lines[1].split() == ["size", "traces", "acc.", "dens.", "leaks", "size", "tasks", "fam.", "tokens", "dens."]
    assert lines[3].split() == ["5", "12.3M", "0.51", "12.3", "100%", "99,999", "54,321", "20", "1.23G", "0.123"]
    assert lines[4].split()[5] == "3/10"
    assert lines[5:] == ["balance.size=10: too few"]


def test_what_is_missing_or_failed_is_said() -> None:
    cells = grid({"seed": ["1", "2", "3"]})
    rows = [missing_row(cells[0]), row(cells[1], failed=1_234), row(cells[2], mix=None, met=False, target=50)]
    lines = printed(cells, rows)
    assert lines[3].split() == ["1", *["-"] * 9]
    assert lines[5].split()[5] == "0/50"
    assert lines[6:] == ["seed=1: not finished; the same command continues", "seed=2: 1,234 requests failed"]


def test_long_settings_stand_below_the_table_by_number() -> None:
    cells = grid({"generate.privileges": ["[unguided]", "[unguided, answer]"], "a.limit": ["1", "2"], "b.limit": ["3"]})
    lines = printed(cells, [row(cell) for cell in cells])
    assert lines[1].split()[0] == "cell"
    assert [line.split()[0] for line in lines[3:7]] == ["1", "2", "3", "4"]
    assert lines[7:] == [f"{number:>4}  {cell.title}" for number, cell in enumerate(cells, start=1)]
    wide = printed(cells, [row(cell) for cell in cells], width=120)
    assert wide[1].split()[:2] == ["privileges", "limit"]
    assert len(wide) == 7


def test_settings_of_one_name_keep_their_sections() -> None:
    cells = grid({"a.limit": ["1", "2"], "b.limit": ["3", "4"]})
    assert printed(cells, [row(cell) for cell in cells], width=120)[1].split()[:2] == ["a.limit", "b.limit"]


def test_mixes_have_a_row_each_and_a_cell_is_told_once() -> None:
    cells = grid({"seed": ["1", "2"]})
    of_first = [row(cells[0], mix_name=name, failed=7) for name in ("a", "b")]
    of_first[1] |= {"mix": 3, "target": 10, "met": False, "state": "short", "shortfall": "balance: too few"}
    rows = [*of_first, missing_row(cells[1])]
    lines = printed(cells, rows)
    assert lines[1].split()[:3] == ["seed", "mix", "traces"]
    assert [line.split()[:2] for line in lines[3:6]] == [["1", "a"], ["1", "b"], ["2", "-"]]
    assert lines[6:] == [
        "seed=1: 7 requests failed",
        "seed=1, mix b: balance: too few",
        "seed=2: not finished; the same command continues",
    ]
    long = [each | {"mix_name": "unguided-and-correct"} for each in of_first]
    assert printed(cells, long)[5:7] == [f"   {number}  seed=1, mix unguided-and-correct" for number in (1, 2)]


_COUNTS = st.none() | st.integers(0, 10**12)
_VALUES = st.lists(st.text("ab[]{}: ,1", min_size=1, max_size=40), min_size=2, max_size=3, unique=True)


@given(
    st.dictionaries(st.sampled_from(["a.size", "b.size", "c.d.e", "seed"]), _VALUES, min_size=1),
    st.fixed_dictionaries(dict.fromkeys(("traces", "mix", "target", "mix_tasks", "mix_tokens"), _COUNTS)),
    st.fixed_dictionaries({name: st.none() | st.floats(0, 999) for name in ("density", "mix_density")}),
    st.none() | st.booleans(),
    st.sampled_from([[None], ["a", "b"], ["tasks-512", "a-name-that-is-long.enough"]]),
)
def test_the_table_fits_80_columns(
    settings: dict[str, list[str]],
    counts: dict[str, Any],
    densities: dict[str, Any],
    met: bool | None,
    mixes: list[str | None],
) -> None:
    cells = grid(settings)
    rows = [row(cell, met=met, mix_name=name) | counts | densities for cell in cells for name in mixes]
    lines = printed(cells, rows)
    assert all(len(line) <= 80 for line in lines[: 3 + len(rows)])
    assert not any("…" in line for line in lines)
    assert set(rows[0]) == set(COLUMNS)


@given(st.integers(0, 10**12 - 1))
def test_counts_have_at_most_six_characters_and_three_digits_that_count(number: int) -> None:
    text = _count(number)
    assert len(text) <= 6
    scale = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1])
    shown = float(text[:-1]) * scale if scale else float(text.replace(",", ""))
    assert abs(shown - number) <= 0.005 * number
