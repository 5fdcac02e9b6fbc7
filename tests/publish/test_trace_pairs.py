"""Which traces are paired: across privileges and teachers, by verdict or by band, of like length."""

from __future__ import annotations

from itertools import permutations
from math import log
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.publish.trace_pairs import pairs
from infogap.recipe.preference_pairs import BANDS
from infogap.runs.run_folder import Run
from infogap.schema import MIX
from publish.pair_run import DEFAULTS, run_of

ACROSS = "preference: {chosen: {privilege: unguided}, rejected: {privilege: solution}"
Cell = dict[str, Any]


def paired(run: Run, mix: str = "mix") -> list[tuple[int, int]]:
    """The numbers of the chosen and the rejected traces."""
    asked = run.recipe.publish.preference
    table = pairs(run, run.scan(MIX).filter(mix=mix).collect(), asked)
    numbers = [(int(one[5:]), int(other[5:])) for one, other in table.select("chosen", "rejected").iter_rows()]
    assert len({number for pair in numbers for number in pair}) == 2 * len(numbers)
    return numbers


def of(*values: Any) -> Cell:
    return dict(zip(("privilege", "verdict", "band"), values, strict=False))


def test_a_pair_crosses_the_privileges_that_the_sides_name(tmp_path: Path) -> None:
    cells = [of("unguided", "correct"), of("solution", "wrong"), of("answer", "wrong"), of("unguided", "wrong")]
    assert paired(run_of(tmp_path / "default", cells)) == [(0, 3)]
    assert paired(run_of(tmp_path / "across", cells, ACROSS + "}")) == [(0, 1)]
    lists = "preference: {chosen: {privilege: [answer, solution]}, rejected: {privilege: [unguided, answer]}}"
    assert paired(run_of(tmp_path / "lists", [of("answer", "correct"), *cells], lists)) == [(0, 3)]


def test_what_no_side_names_is_alike(tmp_path: Path) -> None:
    cells = [{"teacher": "big"}, {"teacher": "small", "privilege": "solution", "verdict": "wrong"}]
    assert paired(run_of(tmp_path / "teachers", cells, ACROSS + "}")) == []
    teachers = "preference: {chosen: {teacher: big}, rejected: {teacher: small}}"
    with pytest.raises(ValueError, match="the recipe has one `teacher`"):
        run_of(tmp_path / "one", cells, teachers)
    assert (
        paired(run_of(tmp_path / "tasks", [{}, {"task": 1, "privilege": "solution", "verdict": "wrong"}], ACROSS + "}"))
        == []
    )


def test_a_pair_crosses_the_teachers_that_the_sides_name(tmp_path: Path) -> None:
    cells = [
        {"teacher": "big", "reason": "other_teacher"},
        {"teacher": "small", "verdict": "wrong"},
        {"teacher": "small", "verdict": "wrong", "privilege": "solution"},
        {"teacher": "big", "verdict": "wrong"},
    ]
    across = "preference: {chosen: {teacher: big}, rejected: {teacher: small}}"
    assert paired(run_of(tmp_path / "across", cells, across, imported=True)) == [(0, 1)]
    assert paired(run_of(tmp_path / "alike", cells, "preference: {}", imported=True)) == []
    both = across.replace("big}", "big, privilege: unguided}").replace("small}", "small, privilege: solution}")
    assert paired(run_of(tmp_path / "both", cells, both, "{teacher: {big: 1.0}}", imported=True)) == [(0, 2)]


def test_by_verdict_other_failures_can_be_rejected_and_bands_filtered(tmp_path: Path) -> None:
    cells = [of("unguided", "correct", "confident"), of("unguided", "truncated"), of("unguided", "no_answer")]
    assert paired(run_of(tmp_path / "wrong", cells)) == []
    assert paired(run_of(tmp_path / "named", cells, "preference: {rejected: {verdict: [wrong, no_answer]}}")) == [
        (0, 2)
    ]
    banded = "preference: {chosen: {band: uncertain}, rejected: {verdict: no_answer}}"
    assert paired(run_of(tmp_path / "band", cells, banded)) == []


def test_by_band_the_more_uncertain_trace_of_one_verdict_is_chosen_the_furthest_apart_first(tmp_path: Path) -> None:
    cells = [
        of("unguided", verdict, band)
        for verdict in ("correct", "wrong")
        for band in ("mixed", "uncertain", "confident")
    ]
    # Wrong traces are outside the mix, and a recipe that names no verdict does not ask for them.
    assert paired(
        run_of(
            tmp_path / "mix",
            [cell | {"reason": "wrong"} if cell["verdict"] == "wrong" else cell for cell in cells],
            "preference: {by: band}",
        )
    ) == [(1, 2)]
    assert paired(run_of(tmp_path / "wrong", cells, "preference: {by: band, chosen: {verdict: wrong}}")) == [(4, 5)]
    assert paired(run_of(tmp_path / "two", cells, "preference: {by: band, rejected: {verdict: [wrong, correct]}}")) == [
        (1, 2),
        (4, 5),
    ]
    assert paired(
        run_of(tmp_path / "band", cells, "preference: {by: band, chosen: {band: mixed}, rejected: {verdict: correct}}")
    ) == [(0, 2)]


def test_by_band_lengths_are_closest_and_within_the_limit(tmp_path: Path) -> None:
    lengths = [("uncertain", 100), ("uncertain", 300), ("confident", 290), ("confident", 121), ("confident", 2000)]
    cells = [{"band": band, "words": words} for band, words in lengths]
    assert paired(run_of(tmp_path / "any", cells, "preference: {by: band}")) == [(0, 3), (1, 2)]
    assert paired(run_of(tmp_path / "limit", cells, "preference: {by: band, length: 0.2}")) == [(1, 2)]
    assert paired(run_of(tmp_path / "edge", cells, "preference: {by: band, length: 0.21}")) == [(0, 3), (1, 2)]


def test_the_closest_pairs_of_a_task_are_kept_the_furthest_apart_in_band_first(tmp_path: Path) -> None:
    lengths = [("uncertain", 100), ("confident", 900), ("mixed", 100), ("confident", 100), ("mixed", 90)]
    cells = [{"band": band, "words": words} for band, words in lengths]
    both = paired(run_of(tmp_path / "all", cells, "preference: {by: band}"))
    assert both == [(0, 3), (2, 1)]
    assert paired(run_of(tmp_path / "one", cells, "preference: {by: band}", "{max_per_task: 1}")) == [(0, 3)]


def test_sides_replace_the_shares_of_what_they_name_and_of_nothing_else(tmp_path: Path) -> None:
    cells = [of("unguided", "correct"), of("solution", "wrong") | {"reason": "wrong"}]
    only = "{privilege: {unguided: 1.0}, verdict: {correct: 1.0}}"
    assert paired(run_of(tmp_path / "privilege", cells, ACROSS + "}", only)) == [(0, 1)]
    assert paired(run_of(tmp_path / "family", cells, ACROSS + "}", "{family: {sums: 1.0}}")) == []
    assert paired(run_of(tmp_path / "band", cells, ACROSS + "}", "{band: {confident: 1.0}}")) == []


@pytest.mark.parametrize(
    "reason", ["duplicate", "leak", "contaminated", "held_out", "excluded_by_where", "task_not_drawn"]
)
def test_what_may_not_be_in_the_mix_is_in_no_pair(tmp_path: Path, reason: str) -> None:
    cells = [of("unguided", "correct"), of("solution", "wrong") | {"reason": reason}]
    assert paired(run_of(tmp_path, cells, ACROSS + "}")) == []


def test_each_mix_has_the_pairs_of_its_own_tasks(tmp_path: Path) -> None:
    drawn = [{"a": "selected", "b": "selected"}, {"a": "task_not_drawn", "b": "selected"}]
    rejected = {"a": "not_in_mix", "b": "not_in_mix"}
    cells = [
        {"task": task, "privilege": privilege, "verdict": verdict, "reason": reason}
        for task in (0, 1)
        for privilege, verdict, reason in (
            ("answer", "correct", drawn[task]),
            ("unguided", "correct", rejected),
            ("solution", "wrong", rejected),
        )
    ]
    mixes = "{privilege: {answer: 1.0}, mixes: {a: {coverage: {tasks: 1}}, b: {coverage: {tasks: 2}}}}"
    run = run_of(tmp_path, cells, ACROSS + "}", mixes)
    assert paired(run, "a") == [(1, 2)]
    assert paired(run, "b") == [(1, 2), (4, 5)]


CELLS = st.lists(
    st.fixed_dictionaries(
        {
            "verdict": st.sampled_from(["correct", "wrong"]),
            "band": st.sampled_from(BANDS),
            "density": st.integers(0, 9).map(float),
            "words": st.sampled_from([50, 60, 61, 70, 90]),
            "privilege": st.sampled_from(["unguided", "solution"]),
        }
    ),
    max_size=7,
)


def best(chosen: list[Cell], rejected: list[Cell], length: float) -> tuple[int, float]:
    """The most pairs of like length that there can be, and the least sum of their distances in density."""
    few, many = sorted((chosen, rejected), key=len)
    found = []
    for order in permutations(many, len(few)):
        alike = [
            abs(a["density"] - b["density"])
            for a, b in zip(few, order, strict=True)
            if max(a["words"], b["words"]) <= min(a["words"], b["words"]) * (1 + length)
        ]
        found.append((-len(alike), sum(alike)))
    count, apart = min(found)
    return -count, apart


@settings(max_examples=40, deadline=None)
@given(CELLS)
def test_as_many_pairs_as_lengths_allow_and_of_these_the_closest(
    tmp_path_factory: pytest.TempPathFactory, cells: list[Cell]
) -> None:
    run = run_of(tmp_path_factory.mktemp("pairs"), cells, ACROSS + ", length: 0.2}")
    found = [(cells[one], cells[other]) for one, other in paired(run)]
    chosen, rejected = (
        [cell for cell in cells if (cell["privilege"], cell["verdict"]) == side]
        for side in (("unguided", "correct"), ("solution", "wrong"))
    )
    assert all(one in chosen and other in rejected for one, other in found)
    apart = sum(abs(one["density"] - other["density"]) for one, other in found)
    assert (len(found), apart) == pytest.approx(best(chosen, rejected, 0.2))


@settings(max_examples=40, deadline=None)
@given(CELLS, st.sampled_from([None, 0.1, 0.2]))
def test_by_band_every_pair_is_in_order_and_none_is_left_that_could_be_made(
    tmp_path_factory: pytest.TempPathFactory, cells: list[Cell], length: float | None
) -> None:
    limit = "" if length is None else f", length: {length}"
    run = run_of(tmp_path_factory.mktemp("pairs"), cells, "preference: {by: band" + limit + "}")

    def fits(one: Cell, other: Cell) -> bool:
        alike = all(one[name] == other[name] for name in ("privilege", "verdict"))
        near = abs(log(one["words"] / other["words"])) <= log(1 + length) + 1e-9 if length else True
        return alike and near and BANDS.index(one["band"]) < BANDS.index(other["band"])

    found = paired(run)
    assert all(fits(cells[one], cells[other]) for one, other in found)
    used = {number for pair in found for number in pair}
    free = [DEFAULTS | cell for number, cell in enumerate(cells) if number not in used]
    assert not any(fits(one, other) for one in free for other in free)


def test_matched_mixes_have_pairs_of_the_tasks_they_share_surplus_traces_included(tmp_path: Path) -> None:
    shared, surplus = {"a": "selected", "b": "not_in_mix"}, {"a": "unmatched", "b": "not_in_mix"}
    other = {"a": "not_in_mix", "b": "selected"}
    cells: list[Cell] = [
        {"reason": shared, "density": 9.0},
        {"reason": surplus, "density": 1.0},
        {"privilege": "solution", "verdict": "wrong", "density": 1.0, "reason": {"a": "not_in_mix", "b": "wrong"}},
        {"privilege": "solution", "reason": other},
        {"task": 1, "reason": surplus},
        {"task": 1, "privilege": "solution", "verdict": "wrong", "reason": {"a": "not_in_mix", "b": "wrong"}},
    ]
    mixes = "{mixes: {a: {privilege: {unguided: 1.0}}, b: {privilege: {solution: 1.0}}}, match: {on: task}}"
    run = run_of(tmp_path, cells, ACROSS + "}", mixes)
    assert paired(run, "a") == [(1, 2)]
    assert paired(run, "b") == [(1, 2)]
