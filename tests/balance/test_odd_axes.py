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
        ("{mixes: {one: {}, two: {family: {aa: 1.0}}}}", "^the mix `two`: .*no trace has the family 'aa'"),
        ("{hold_out: {families: [a, b, c]}}", "all families are held out"),
        ('{where: "CAST(response AS INT) > 1"}', "balance.where: `CAST.*conversion from `str`"),
    ],
)
def test_names_that_no_trace_has_are_refused(tmp_path: Path, balance: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        plan_mixes(make_run(tmp_path, balance, pool()))
    assert len(str(error.value).splitlines()) == 1


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
    with pytest.raises(ShortfallError, match=r"a mix of 7 tokens cannot be had: the smallest .* has 30; raise"):
        make_mix(make_run(tmp_path, "{size: {tokens: 7}}", traces))


def test_mixes_whose_shares_leave_them_other_tasks_are_not_called_matched(tmp_path: Path) -> None:
    balance = (
        "{when_short: shrink, mixes: {one: {privilege: {unguided: 1}, band: {mixed: 1.0}}, "
        "two: {privilege: {solution: 1}}}, match: {}}"
    )
    run = make_run(tmp_path / "1", balance, pool())
    make_mix(run)  # a band alone leaves the same tasks
    uneven = balance.replace("{mixed: 1.0}", "{mixed: 0.9, confident: 0.1}")
    with pytest.raises(ShortfallError, match="`one` and `two` are to be matched, and their shares leave them other"):
        make_mix(make_run(tmp_path / "2", uneven, pool()))


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
