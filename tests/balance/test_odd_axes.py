"""Axes over odd columns and values: lists, names that no trace has, numbers that are also counted."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balance.mix_runs import chosen, make_mix, make_run, reasons, trace
from infogap.balance.mix_plan import plan_mixes
from infogap.balance.stage import STAGE
from infogap.errors import InputError, ShortfallError

PAIR = "unguided: {privilege: {unguided: 1}}, solution: {privilege: {solution: 1}}"


def pool() -> list[dict[str, Any]]:
    rng = random.Random(1)
    return [
        trace(
            f"t{task:02d}",
            family="abc"[task % 3],
            band=("uncertain", "mixed", "confident")[(task + sample) % 3],
            privilege=("unguided", "solution")[sample % 2],
            words=rng.choice([5, 5, 5, 7, 100]),
            completion_tokens=rng.randint(10, 50),
            sample=sample,
            surprisal=rng.random(),
        )
        for task in range(12)
        for sample in range(4)
    ]


@pytest.mark.parametrize(
    "balance",
    [
        "{leaks: uniform}",
        "{band: {quantiles: 3, within: markers}}",
        "{band: {given: leaks, shares: {mixed: 1.0}}}",
        f"{{mixes: {{{PAIR}}}, match: {{same: [leaks]}}}}",
    ],
)
def test_a_list_is_no_axis(tmp_path: Path, balance: str) -> None:
    with pytest.raises(InputError, match="is a list for each trace"):
        STAGE.ready(make_run(tmp_path, balance, pool()))


@pytest.mark.parametrize(
    ("balance", "message"),
    [
        ("{family: {floor: {aa: 2}}}", r"no trace has the family 'aa'.*there are: a, b, c"),
        ("{family: {cap: {aa: 2}}}", "no trace has the family 'aa'"),
        ("{words: {cuts: [6], floor: {short: 3}}}", "no trace has the words 'short'; there are: below 6, 6 or more"),
        ("{band: {given: family, shares: {mixd: 1.0}}}", r"no trace has the band 'mixd' \(did you mean 'mixed'\?\)"),
        (
            "{band: {given: family, shares: {a: {mixed: 1.0}, b: {mixed: 1.0}, c: {mixed: 1.0}, z: {mixed: 1.0}}}}",
            "no trace has the family 'z'",
        ),
        ("{mixes: {one: {}, two: {family: {aa: 1.0}}}}", "balance.mixes.two.family: no trace has the family 'aa'"),
        ("{family: {aa: 1.0}, mixes: {one: {}}}", "balance.family: the mix `one`: no trace has the family 'aa'"),
        ("{hold_out: {families: [a, b, c]}}", "all families are held out"),
        ('{where: "CAST(response AS INT) > 1"}', "balance.where: `CAST.*conversion from `str`"),
    ],
)
def test_names_that_no_trace_has_are_refused(tmp_path: Path, balance: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        plan_mixes(make_run(tmp_path, balance, pool()))
    assert str(error.value).startswith(f"{tmp_path / 'recipe.yaml'}:4: balance.")
    assert len(str(error.value).splitlines()) == 1


def test_an_error_over_data_names_the_line_of_the_key(tmp_path: Path) -> None:
    balance = "\n  family: {a: 1.0}\n  mixes:\n    one: {}\n    two:\n      size: 3\n      family: {aa: 1.0}"
    with pytest.raises(InputError, match=r"recipe.yaml:10: balance.mixes.two.family: no trace has the family 'aa'"):
        make_mix(make_run(tmp_path, balance, pool()))
    teachers = [trace("t", teacher=name) for name in ("one", "other")]
    with pytest.raises(InputError, match=r"recipe.yaml:4: balance: the mix `mix` would hold traces of 2 teachers"):
        make_mix(make_run(tmp_path, "{size: 2}", teachers))


@pytest.mark.parametrize("column", ["task_id", "trace_id", "finish_reason", "error"])
def test_columns_that_every_mix_looks_at_can_be_axes(tmp_path: Path, column: str) -> None:
    make_mix(make_run(tmp_path, f"{{{column}: natural, when_short: shrink}}", pool()))


@pytest.mark.parametrize(
    "balance",
    [
        "{size: {words: 100}, words: {cuts: [6], shares: natural}}",
        "{size: {tokens: 300}, completion_tokens: {quantiles: 2}}",
        f"{{words: {{cuts: [6], cap: 99}}, mixes: {{{PAIR}}}, match: {{length: 0.2}}}}",
        f"{{mixes: {{{PAIR}}}, match: {{same: [words], length: 0.2}}}}",
        "{mixes: {one: {sample: natural}, two: {}}, match: {same: [sample]}}",
        "{teacher_per_task: least_surprising, surprisal: {quantiles: 2}}",
    ],
)
def test_numbers_that_are_counted_can_be_axes(tmp_path: Path, balance: str) -> None:
    run = make_run(tmp_path, balance, pool())
    make_mix(run)
    mix = next(iter(dict(run.recipe.balance.named_mixes())))
    assert chosen(run, mix).height > 1


def test_ranges_between_large_numbers_have_names_of_their_own(tmp_path: Path) -> None:
    traces = [trace(f"t{number}", words=1_000_000 + number) for number in range(4)]
    run = make_run(tmp_path, "{words: {cuts: [1000001, 1000002, 1000003]}}", traces)
    make_mix(run)
    assert chosen(run)["stratum"].n_unique() == 4


def test_a_range_or_share_without_traces_is_said(tmp_path: Path) -> None:
    ties = [trace(f"t{number}", words=5 if number < 6 else 9) for number in range(8)]
    (ranges,) = plan_mixes(make_run(tmp_path / "1", "{words: {quantiles: 4}}", ties))
    assert "words: no trace that could be in the mix is in q2, q3, so it gets no share" in ranges.notes
    (shares,) = plan_mixes(make_run(tmp_path / "2", "{family: {a: 0.5, b: 0.5}, hold_out: {families: [a]}}", pool()))
    assert shares.notes[0] == "family: no trace that could be in the mix has the value a; its share limits the mix"


def test_a_size_below_every_trace_says_what_the_smallest_is(tmp_path: Path) -> None:
    traces = [trace(f"t{number}", completion_tokens=30) for number in range(4)]
    with pytest.raises(ShortfallError, match=r"a mix of 7 tokens is impossible: the smallest .* has 30; raise"):
        make_mix(make_run(tmp_path, "{size: {tokens: 7}}", traces))


def test_mixes_whose_shares_leave_them_other_tasks_are_not_called_matched(tmp_path: Path) -> None:
    balance = (
        "{when_short: shrink, mixes: {one: {privilege: {unguided: 1}, band: {mixed: 1.0}}, "
        "two: {privilege: {solution: 1}}}, match: {}}"
    )
    for name, shares in (("1", "{mixed: 1.0}"), ("2", "{mixed: 0.9, confident: 0.1}")):
        run = make_run(tmp_path / name, balance.replace("{mixed: 1.0}", shares), pool())
        make_mix(run)  # the other mix follows
        tasks = [sorted(chosen(run, mix)["task_id"]) for mix in ("one", "two")]
        assert tasks[0] == tasks[1] != []
    other = balance.replace("{solution: 1}", "{solution: 1}, band: {uncertain: 0.5, mixed: 0.5}")
    with pytest.raises(ShortfallError, match="`one` and `two` are to be matched, and their shares leave them other"):
        make_mix(make_run(tmp_path / "3", other.replace("{mixed: 1.0}", "{mixed: 0.9, confident: 0.1}"), pool()))


CONDITION = '{size: 9, band: uniform, where: "row_number() over () < 30", max_per_task: 2}'


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_order_of_the_rows_gives_the_same_mix(tmp_path_factory: pytest.TempPathFactory, rng: random.Random) -> None:
    mixes = []
    for order in (list.sort, rng.shuffle):
        run = make_run(tmp_path_factory.mktemp("o"), CONDITION, pool())
        for folder in ("tasks", "traces", "verdicts", "measures"):
            (part,) = (run.path / folder).glob("*.parquet")
            rows = pl.read_parquet(part)
            places = list(range(rows.height))
            order(places)
            rows[places].write_parquet(part)
        make_mix(run)
        mixes.append(chosen(run)["trace_id"].to_list())
        assert "over_quota" in reasons(run)
    assert mixes[0] == mixes[1]


def test_ranks_are_those_among_the_traces_that_the_other_axes_leave(tmp_path: Path) -> None:
    traces = [
        trace(f"t{n:02d}-{teacher}", teacher=teacher, words=(100 if teacher == "two" else 0) + n)
        for n in range(20)
        for teacher in ("one", "two")
    ]
    run = make_run(tmp_path, "{teacher: {one: 1}, words: {quantiles: 4, shares: uniform}}", traces)
    words = make_mix(run).counts["mixes"]["mix"]["axes"]["words"]
    assert {name: value["available"] for name, value in words.items()} == {"q1": 5, "q2": 5, "q3": 5, "q4": 5}
    assert chosen(run).height == 20


def test_what_is_not_a_number_is_in_no_range_and_meets_no_condition(tmp_path: Path) -> None:
    traces = [trace(f"t{n}", epistemic_density=float("nan") if n % 2 else float(n)) for n in range(10)]
    for name, balance in (("cuts", "{epistemic_density: {cuts: [5]}}"), ("where", '{where: "epistemic_density >= 0"}')):
        run = make_run(tmp_path / name, f"{balance[:-1]}, when_short: shrink}}", traces)
        make_mix(run)
        assert not chosen(run)["epistemic_density"].is_nan().any()
        assert chosen(run).height >= 4


def test_a_column_that_no_trace_has_is_an_error_that_says_how_to_measure_it(tmp_path: Path) -> None:
    for balance in ("{surprisal: {cuts: [1]}}", "{surprisal: {quantiles: 2}}"):
        unscored = [{**each, "surprisal": None} for each in pool()]
        with pytest.raises(InputError, match=r"no trace of the run has a value of `surprisal`; `measure: {gap:"):
            make_mix(make_run(tmp_path / balance[12:16], balance, unscored))


def test_numbers_that_are_kept_as_text_have_ranges(tmp_path: Path) -> None:
    traces = [trace(f"t{n:02d}", difficulty=str(n)) for n in range(1, 13)]
    run = make_run(tmp_path / "1", "{difficulty: {cuts: [3, 10], shares: [0.25, 0.5, 0.25]}}", traces)
    make_mix(run)
    assert chosen(run).height == 10  # two are below 3, and are a quarter
    strata = chosen(run).group_by("stratum").agg(pl.col("difficulty").cast(pl.Int64).min())
    assert dict(strata.iter_rows())["difficulty=10 or more"] >= 10
    with pytest.raises(InputError, match=r"CAST\(difficulty AS DOUBLE\)"):
        STAGE.ready(make_run(tmp_path / "2", '{where: "difficulty > 3"}', traces))


def test_values_that_yaml_reads_as_numbers_or_truths_are_those_of_the_table(tmp_path: Path) -> None:
    traces = [trace(f"t{n}", sample=n % 2, leak=False, difficulty=str(n % 2)) for n in range(4)]
    for name, balance in (("int", "{sample: {0: 1.0}}"), ("cap", "{difficulty: {floor: {1: 2}, cap: {0: 0}}}")):
        run = make_run(tmp_path / name, balance, traces)
        make_mix(run)
        assert chosen(run).height == 2


def test_a_mix_that_nothing_fits_says_which_value_has_no_share(tmp_path: Path) -> None:
    traces = [trace(f"t{n}", band="confident", family="abc"[n % 3]) for n in range(6)]
    with pytest.raises(ShortfallError, match="not available: 6 not in mix: band confident"):
        make_mix(make_run(tmp_path, "{size: 3, family: uniform, band: {mixed: 1.0}}", traces))
