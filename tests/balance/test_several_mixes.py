"""Several mixes of one run: coverage, nesting, matched sets, several teachers, and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balance.mix_runs import chosen, make_mix, make_run, reasons, trace
from infogap.balance.coverage import effective_families
from infogap.errors import InputError, ShortfallError
from infogap.schema import MIX


def per_task(frame: pl.DataFrame) -> dict[str, int]:
    return dict(frame["task_id"].value_counts().sort("task_id").iter_rows())


def many(tasks: int, each: int, **values: Any) -> list[dict[str, Any]]:
    return [trace(f"t{number:02d}", **values) for number in range(tasks) for _ in range(each)]


# Coverage


def test_so_many_tasks_with_so_many_traces_each(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{coverage: {tasks: 3, per_task: 2}}", [*many(5, 2), *many(9, 1)[5:]])
    figures = make_mix(run).counts["mixes"]["mix"]
    assert set(per_task(chosen(run)).values()) == {2}
    assert (figures["tasks"], figures["size"]) == (3, 6)
    assert set(per_task(chosen(run))) <= {f"t0{n}" for n in range(5)}  # only those that have two
    assert reasons(run)["task_not_drawn"] == 14 - 6


def test_too_few_tasks_that_can_supply_it_are_a_shortfall_that_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{coverage: {tasks: 6, per_task: 2}}", [*many(5, 2), *many(9, 1)[5:]])
    with pytest.raises(ShortfallError, match="6 tasks with 2 traces each; 5 of 9 tasks have them, and no task"):
        make_mix(run)


def test_families_with_so_many_tasks_each(tmp_path: Path) -> None:
    traces = [trace(f"{f}{n}", family=f) for f in "abcd" for n in range(3 if f != "d" else 1) for _ in range(2)]
    run = make_run(tmp_path, "{coverage: {families: 2, tasks_per_family: 2, per_task: 2}}", traces)
    make_mix(run)
    tasks = chosen(run).unique("task_id")["family"].value_counts()
    assert tasks["count"].to_list() == [2, 2]
    assert "d" not in tasks["family"].to_list()
    with pytest.raises(ShortfallError, match=r"4 families with 2 tasks that have 2 traces each; 3 of 4 families"):
        make_mix(make_run(tmp_path / "4", "{coverage: {families: 4, tasks_per_family: 2, per_task: 2}}", traces))


@pytest.mark.parametrize(
    "axes",
    [
        "family: uniform",
        "family: {shares: uniform, cap: 6}",
        "family: natural",
        "band: {given: family, shares: {mixed: 1}}",
        "family: uniform, band: {given: family, shares: {mixed: 1}}",
    ],
)
def test_shares_that_are_not_named_are_those_of_the_values_that_are_drawn(tmp_path: Path, axes: str) -> None:
    traces = [trace(f"{f}{n}", family=f) for f in "abcde" for n in range(4) for _ in range(2)]
    coverage = "coverage: {families: 3, tasks_per_family: 2, per_task: 2}"
    figures = make_mix(make_run(tmp_path, f"{{{coverage}, {axes}}}", traces)).counts["mixes"]["mix"]
    assert figures["size"] == 12
    assert all(cell["target"] == 4 for axis in figures["axes"].values() for cell in axis.values())
    named = ", ".join(f"{family}: 0.2" for family in "abcde")
    with pytest.raises(ShortfallError):  # these hold, drawn or not
        make_mix(make_run(tmp_path / "named", f"{{{coverage}, family: {{{named}}}}}", traces))


def test_the_families_are_as_even_as_asked_and_no_more(tmp_path: Path) -> None:
    traces = [trace(f"{f}{n}", family=f) for f, count in (("a", 60), ("b", 20), ("c", 10)) for n in range(count)]
    natural = make_run(tmp_path / "1", "{size: 40}", traces)
    even = make_run(tmp_path / "2", "{size: 30, coverage: {effective_families: 2.7}}", traces)
    make_mix(natural)
    figures = make_mix(even).counts["mixes"]["mix"]
    assert effective_families(chosen(natural)) < 2.5
    assert 2.65 <= figures["effective_families"] < 2.95
    assert figures["effective_families"] == pytest.approx(effective_families(chosen(even)), abs=1e-6)


SERIES = "{mixes: {coverage: {tasks: [1, 4, 8], per_task: fill, size: 8}}}"


def test_sets_of_equal_size_over_ever_more_tasks_are_nested(tmp_path: Path) -> None:
    run = make_run(tmp_path, SERIES, [*many(2, 8), *many(6, 2), *many(20, 1)])
    figures = make_mix(run).counts["mixes"]
    assert list(figures) == ["tasks-1", "tasks-4", "tasks-8"]
    sets = [per_task(chosen(run, name)) for name in figures]
    assert [sum(each.values()) for each in sets] == [8, 8, 8]
    assert [len(each) for each in sets] == [1, 4, 8]
    assert set(sets[0]) < set(sets[1]) < set(sets[2])
    assert all(max(each.values()) - min(each.values()) <= 1 for each in sets)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 9), min_size=8, max_size=14), st.integers(1, 3))
def test_whatever_the_supply_a_smaller_set_is_contained_in_a_larger_one(
    tmp_path_factory: pytest.TempPathFactory, supply: list[int], smallest: int
) -> None:
    traces = [trace(f"t{number:02d}") for number, count in enumerate(supply) for _ in range(count)]
    balance = f"{{mixes: {{coverage: {{tasks: [{smallest}, {smallest + 3}], per_task: fill, size: 8}}}}}}"
    run = make_run(tmp_path_factory.mktemp("nested"), balance, traces)
    able = sorted(supply, reverse=True)
    try:
        make_mix(run)
    except ShortfallError:
        each, more = -(-8 // smallest), -(-8 // (smallest + 3))
        assert able[smallest - 1] < each or able[smallest + 2] < more
        return
    small, large = (set(per_task(chosen(run, f"tasks-{n}"))) for n in (smallest, smallest + 3))
    assert small < large


def test_held_out_families_are_in_no_mix(tmp_path: Path) -> None:
    traces = [trace(f"{f}{n}", family=f) for f in "abc" for n in range(4)]
    run = make_run(tmp_path, "{size: 4, hold_out: {families: [b]}}", traces)
    make_mix(run)
    assert "b" not in chosen(run)["family"].to_list()
    assert reasons(run)["held_out"] == 4
    drawn = make_run(tmp_path / "drawn", "{size: 4, hold_out: {families: 2}}", traces)
    make_mix(drawn)
    assert chosen(drawn)["family"].n_unique() == 1
    with pytest.raises(InputError, match="no task has the family 'bb'"):
        make_mix(make_run(tmp_path / "no", "{hold_out: {families: [bb]}}", traces))


# Matched sets

PAIR = "unguided: {privilege: {unguided: 1}}, solution: {privilege: {solution: 1}}"


def pair_of(supply: list[tuple[int, int]], **values: Any) -> list[dict[str, Any]]:
    return [
        trace(f"t{number:02d}", privilege=privilege, **values)
        for number, counts in enumerate(supply)
        for privilege, count in zip(("unguided", "solution"), counts, strict=True)
        for _ in range(count)
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8))
def test_matched_mixes_have_the_same_tasks_and_as_many_traces_of_each(
    tmp_path_factory: pytest.TempPathFactory, supply: list[tuple[int, int]]
) -> None:
    if not any(min(counts) for counts in supply):
        return
    run = make_run(tmp_path_factory.mktemp("m"), f"{{mixes: {{{PAIR}}}, match: {{on: task}}}}", pair_of(supply))
    make_mix(run)
    one, other = (per_task(chosen(run, name)) for name in ("unguided", "solution"))
    assert one == other == {f"t{n:02d}": min(counts) for n, counts in enumerate(supply) if min(counts)}


def test_what_has_no_counterpart_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path, f"{{mixes: {{{PAIR}}}, match: {{on: task}}}}", pair_of([(3, 1), (2, 0)]))
    make_mix(run)
    assert reasons(run, "unguided") == {"selected": 1, "unmatched": 4, "not_in_mix": 1}


def test_a_size_takes_one_of_every_task_before_a_second_in_all_mixes_alike(tmp_path: Path) -> None:
    supply = [(3, 2), (2, 3), (1, 1), (4, 4)]
    run = make_run(tmp_path, f"{{size: 5, mixes: {{{PAIR}}}, match: {{on: task}}}}", pair_of(supply))
    make_mix(run)
    one, other = (per_task(chosen(run, name)) for name in ("unguided", "solution"))
    assert one == other
    assert sorted(one.values()) == [1, 1, 1, 2]


def test_matched_on_band_too(tmp_path: Path) -> None:
    traces = [
        *(trace("a", privilege="unguided", band=band) for band in ("uncertain", "uncertain", "mixed")),
        *(trace("a", privilege="solution", band=band) for band in ("confident", "uncertain", "mixed", "mixed")),
    ]
    run = make_run(tmp_path, f"{{mixes: {{{PAIR}}}, match: {{on: task, same: [band]}}}}", traces)
    make_mix(run)
    for name in ("unguided", "solution"):
        assert sorted(chosen(run, name)["band"]) == ["mixed", "uncertain"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=6), st.lists(st.integers(1, 60), max_size=6))
def test_matched_on_length_no_pair_differs_by_more_and_none_more_could_be_made(
    tmp_path_factory: pytest.TempPathFactory, one: list[int], other: list[int]
) -> None:
    traces = [
        trace("a", privilege=privilege, words=words)
        for privilege, each in (("unguided", one), ("solution", other))
        for words in each
    ]
    if not one or not other:
        return
    balance = f"{{mixes: {{{PAIR}}}, match: {{on: task, length: 0.25}}, when_short: shrink}}"
    run = make_run(tmp_path_factory.mktemp("m"), balance, traces)
    make_mix(run)
    lengths = [sorted(chosen(run, name)["words"]) for name in ("unguided", "solution")]
    pairs = list(zip(*lengths, strict=True))
    assert all(max(pair) <= 1.25 * min(pair) for pair in pairs)
    assert len(pairs) == _most_pairs(tuple(sorted(one)), tuple(sorted(other)))


def _most_pairs(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    if not one or not other:
        return 0
    best = _most_pairs(one[1:], other)
    for index, words in enumerate(other):
        if max(words, one[0]) <= 1.25 * min(words, one[0]):
            best = max(best, 1 + _most_pairs(one[1:], other[:index] + other[index + 1 :]))
    return best


def uneven(tasks: int = 12) -> list[dict[str, Any]]:
    """Tasks of three families, half, a third and a sixth of them, each with traces of two bands and privileges."""
    return [
        trace(f"t{n:02d}", family="aaabbc"[n % 6], privilege=privilege, band=band, words=words)
        for n in range(tasks)
        for privilege in ("unguided", "solution")
        for band, words in (("mixed", 10), ("confident", 11), ("mixed", 30))
    ]


@pytest.mark.parametrize(
    ("targets", "matching", "column", "shares"),
    [
        ("size: 6, family: uniform", "", "family", {"a": 2, "b": 2, "c": 2}),
        ("size: 8, max_per_task: 1, family: {a: 0.5, b: 0.25, c: 0.25}", "", "family", {"a": 4, "b": 2, "c": 2}),
        ("family: uniform", "", "family", {"a": 7, "b": 7, "c": 6}),
        ("size: 8, band: uniform", ", same: [band]", "band", {"mixed": 4, "confident": 4}),
        ("size: 8, band: uniform", "", "band", {"mixed": 4, "confident": 4}),
        ("size: 9, family: uniform", ", length: 0.2", "family", {"a": 3, "b": 3, "c": 3}),
        (
            "coverage: {tasks: 12, per_task: 2}, band: {mixed: 0.75, confident: 0.25}",
            "",
            "band",
            {"mixed": 18, "confident": 6},
        ),
    ],
)
def test_matched_mixes_meet_their_shares(
    tmp_path: Path, targets: str, matching: str, column: str, shares: dict[str, int]
) -> None:
    run = make_run(tmp_path, f"{{{targets}, mixes: {{{PAIR}}}, match: {{on: task{matching}}}}}", uneven())
    assert make_mix(run).shortfall is None
    one, other = chosen(run, "unguided"), chosen(run, "solution")
    for mix in (one, other):
        assert dict(mix[column].value_counts().iter_rows()) == shares
    if "length" in matching:
        pairs = zip(*(mix.sort("task_id", "words")["words"] for mix in (one, other)), strict=True)
        assert all(max(pair) <= 1.2 * min(pair) for pair in pairs)
    columns = ["task_id", "band"] if "same" in matching else ["task_id"]
    assert one.group_by(columns).len().sort(columns).equals(other.group_by(columns).len().sort(columns))


def test_natural_shares_of_families_are_the_same_in_matched_mixes(tmp_path: Path) -> None:
    more = [trace("t02", family="a", privilege="unguided", band="mixed", words=10) for _ in range(30)]
    balance = f"{{size: 20, family: natural, mixes: {{{PAIR}}}, match: {{on: task}}}}"
    run = make_run(tmp_path, balance, [*uneven(), *more])
    assert make_mix(run).shortfall is None
    families = [dict(chosen(run, name)["family"].value_counts().iter_rows()) for name in ("unguided", "solution")]
    assert families[0] == families[1]
    assert sum(families[0].values()) == 20


# Several teachers


def test_a_mix_of_several_teachers_must_be_asked_for(tmp_path: Path) -> None:
    traces = [trace(f"t{n}", teacher=teacher) for n in range(4) for teacher in ("one", "two")]
    with pytest.raises(InputError, match=r"would hold traces of 2 teachers: one \(4\), two \(4\); .*destabilise"):
        make_mix(make_run(tmp_path / "1", "{size: 4}", traces))
    for number, asked in enumerate(("teacher: {two: 1}", "allow_mixed_teachers: true")):
        run = make_run(tmp_path / f"ok{number}", f"{{size: 4, {asked}}}", traces)
        make_mix(run)
        assert chosen(run).height == 4
    run = make_run(tmp_path / "cap", "{size: 5, max_per_teacher: 3, allow_mixed_teachers: true}", traces)
    make_mix(run)
    assert sorted(chosen(run)["teacher"].value_counts()["count"]) == [2, 3]


def test_one_teacher_per_task_drawn_or_the_least_surprising(tmp_path: Path) -> None:
    traces = [
        trace(f"t{n}", teacher=teacher, surprisal=surprisal + n % 2 * (1 if teacher == "one" else -1))
        for n in range(12)
        for teacher, surprisal in (("one", 1.0), ("two", 1.5))
        for _ in range(2)
    ]
    drawn = make_run(tmp_path / "1", "{teacher_per_task: drawn, allow_mixed_teachers: true}", traces)
    make_mix(drawn)
    assert chosen(drawn).group_by("task_id").agg(pl.col("teacher").n_unique())["teacher"].unique().to_list() == [1]
    assert chosen(drawn)["teacher"].n_unique() == 2
    assert reasons(drawn)["other_teacher"] == 24
    least = make_run(tmp_path / "2", "{teacher_per_task: least_surprising, allow_mixed_teachers: true}", traces)
    make_mix(least)
    assert dict(chosen(least).unique("task_id").sort("task_id").select("task_id", "teacher").iter_rows()) == {
        f"t{n}": "two" if n % 2 else "one" for n in range(12)
    }
    with pytest.raises(InputError, match="least_surprising needs the surprisal"):
        make_mix(
            make_run(
                tmp_path / "3",
                "{teacher_per_task: least_surprising, allow_mixed_teachers: true}",
                [trace("a"), trace("a", teacher="two")],
            )
        )


# The table, and sizes


def test_the_table_says_mix_by_mix_what_was_chosen_and_settings_are_taken_over(tmp_path: Path) -> None:
    balance = "{size: 2, band: {mixed: 1}, mixes: {small: {}, large: {size: 3}, other: {band: {confident: 1}}}}"
    traces = [*many(4, 1), *many(4, 1, band="confident")]
    run = make_run(tmp_path, balance, traces)
    outcome = make_mix(run)
    assert outcome.rows == 3 * 8
    assert {name: figures["size"] for name, figures in outcome.counts["mixes"].items()} == {
        "small": 2,
        "large": 3,
        "other": 2,
    }
    assert chosen(run, "other")["band"].unique().to_list() == ["confident"]
    assert run.scan(MIX).collect().height == 24
    again = make_run(tmp_path / "again", balance, traces)  # and the resolved recipe means the same
    assert dict(type(run).open(again.path).recipe.balance.named_mixes()) == dict(run.recipe.balance.named_mixes())


@pytest.mark.parametrize(("unit", "column"), [("tokens", "completion_tokens"), ("words", "words")])
def test_a_size_in_text_is_filled_as_far_as_whole_traces_go(tmp_path: Path, unit: str, column: str) -> None:
    traces = [trace(f"t{n:02d}", **{"words": 10 + n, "completion_tokens": 10 + n}) for n in range(60)]
    run = make_run(tmp_path, f"{{size: {{{unit}: 1k}}}}", traces)
    outcome = make_mix(run)
    total = chosen(run)[column].sum()
    assert 900 <= total <= 1000
    assert outcome.notes[0].startswith(f"{total:,} of 1,000 {unit}, in ")
    run = make_run(tmp_path / "much", f"{{size: {{{unit}: 1M}}}}", traces)
    with pytest.raises(ShortfallError, match=f"a mix of 1,000,000 {unit} is impossible"):
        make_mix(run)


def test_without_counts_of_tokens_words_are_named_instead(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 traces have no number of tokens; count words instead"):
        make_mix(make_run(tmp_path, "{size: {tokens: 1k}}", many(2, 1)))


def test_near_duplicate_questions_share_a_cap(tmp_path: Path) -> None:
    text = "A farmer has twelve hens and sells seven of them at the market on Monday morning, how many hens are left"
    questions = {
        "t00": text,
        "t01": text + " then",
        "t02": "What is the greatest common divisor of 84 and 126?",
    }
    run = make_run(tmp_path, "{max_per_cluster: 3}", many(3, 3), questions)
    make_mix(run)
    counts = per_task(chosen(run))
    assert counts["t00"] + counts["t01"] == 3
    assert counts["t02"] == 3
    assert reasons(run)["max_per_cluster"] == 3


def test_matched_mixes_that_are_smaller_than_asked_are_a_shortfall(tmp_path: Path) -> None:
    mixes = "{mixes: {a: {privilege: {unguided: 1}}, b: {privilege: {solution: 1}}}, match: {on: task}, size: 8%s}"
    traces = [*many(3, 2), *many(5, 1, privilege="solution")]
    with pytest.raises(ShortfallError, match="the targets of a mix of 8 traces cannot all be met; the closest has 3"):
        make_mix(make_run(tmp_path / "error", mixes % "", traces))
    shrunk = make_run(tmp_path / "shrunk", mixes % ", when_short: shrink", traces)
    outcome = make_mix(shrunk)
    assert "a: the targets of a mix of 8 traces" in (outcome.shortfall or "")
    assert per_task(chosen(shrunk, "a")) == per_task(chosen(shrunk, "b"))
    assert chosen(shrunk, "a").height == 3
