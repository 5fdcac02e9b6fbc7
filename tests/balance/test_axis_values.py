"""What a mix's axes are made of: values, ranges, shares given another column, floors and caps."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from balance.mix_runs import chosen, make_mix, make_run, trace
from infogap.balance.axes import Axis
from infogap.balance.axis_values import read_axes
from infogap.errors import InputError
from infogap.recipe.balance_section import MixSettings


def traces(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    schema = {"family": pl.String, "verdict": pl.String, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_uniform_is_over_values_that_can_be_chosen() -> None:
    table = traces(
        ("gcd", "correct", None),
        ("sums", "correct", None),
        ("sums", "ungradable", None),
        ("knights", "wrong", None),
        ("leaky", "correct", "leak"),
    )
    balance = MixSettings(verdict={"correct": 1.0}, family="uniform")
    axes, _, notes = read_axes(balance, table)
    assert axes == (Axis("verdict", ("correct",), (1.0,)), Axis("family", ("gcd", "sums"), (0.5, 0.5)))
    assert len(notes) == 1
    assert "knights" in notes[0]
    axes, _, _ = read_axes(MixSettings(verdict="uniform"), table)
    assert axes[0].values == ("correct", "wrong")


def test_the_order_of_a_recipe_s_shares_makes_no_difference() -> None:
    table = traces(("gcd", "correct", None), ("sums", "wrong", None))
    one = MixSettings(family={"gcd": 0.5, "sums": 0.5}, verdict={"wrong": 0.2, "correct": 0.8})
    other = MixSettings(family={"sums": 0.5, "gcd": 0.5}, verdict={"correct": 0.8, "wrong": 0.2})
    assert read_axes(one, table).axes == read_axes(other, table).axes


def test_a_misspelt_family_is_named_with_the_nearest_one() -> None:
    table = traces(("leg_counting", "correct", None), ("gcd", "correct", "duplicate"))
    with pytest.raises(InputError, match=r"balance\.family.*'leg_countin' \(did you mean 'leg_counting'\?\).*gcd"):
        read_axes(MixSettings(family={"leg_countin": 1.0}), table)


# Ranges, quantiles, shares within another column, floors and caps


def test_cut_points_make_ranges_with_shares(tmp_path: Path) -> None:
    traces = [trace(f"t{n}", gap_per_token=n / 100) for n in range(30)]
    run = make_run(tmp_path, "{size: 10, gap_per_token: {cuts: [0.02, 0.2], shares: [0.2, 0.3, 0.5]}}", traces)
    figures = make_mix(run).counts["mixes"]["mix"]["axes"]["gap_per_token"]
    assert {value: cell["achieved"] for value, cell in figures.items()} == {
        "below 0.02": 2,
        "0.02 to 0.2": 3,
        "0.2 or more": 5,
    }
    assert chosen(run)["stratum"].str.starts_with("gap_per_token=").all()


def test_numbers_that_are_not_known_are_in_no_range(tmp_path: Path) -> None:
    traces = [trace("a", gap_per_token=0.1), trace("b", gap_per_token=None)]
    run = make_run(tmp_path, "{gap_per_token: {cuts: [0.5]}}", traces)
    losses = make_mix(run).counts["mixes"]["mix"]["funnel"]["losses"]
    assert losses == [{"reason": "not_in_mix", "detail": "gap_per_token not known", "traces": 1}]


def test_quantiles_within_a_family_find_its_own_bands(tmp_path: Path) -> None:
    traces = [
        trace(f"{family}{n}", family=family, epistemic_density=base + n)
        for family, base in (("terse", 0.0), ("wordy", 100.0))
        for n in range(9)
    ]
    shares = "shares: {confident: 0.34, mixed: 0.33, uncertain: 0.33}"
    run = make_run(
        tmp_path, f"{{size: 18, band: {{quantiles: 3, within: family, {shares}}}, when_short: best_effort}}", traces
    )
    make_mix(run)
    strata = Counter((row["family"], row["stratum"]) for row in chosen(run).iter_rows(named=True))
    assert set(strata.values()) == {3}
    assert ("wordy", "band=confident") in strata


def test_shares_given_a_family_hold_within_each(tmp_path: Path) -> None:
    traces = [
        trace(f"{family}{n}{band}", family=family, band=band)
        for family in ("a", "b")
        for n in range(30)
        for band in ("uncertain", "confident")
    ]
    shares = "{a: {uncertain: 0.8, confident: 0.2}, b: {uncertain: 0.1, confident: 0.9}}"
    run = make_run(
        tmp_path, f"{{size: 40, family: {{a: 0.25, b: 0.75}}, band: {{given: family, shares: {shares}}}}}", traces
    )
    make_mix(run)
    strata = Counter(chosen(run)["stratum"])
    assert strata == {
        "family=a band=uncertain": 8,
        "family=a band=confident": 2,
        "family=b band=uncertain": 3,
        "family=b band=confident": 27,
    }
    with pytest.raises(InputError, match="no shares are given within family 'b'"):
        make_mix(
            make_run(tmp_path / "x", "{family: uniform, band: {given: family, shares: {a: {confident: 1}}}}", traces)
        )


def test_natural_shares_with_floors_and_caps(tmp_path: Path) -> None:
    traces = [trace(f"{f}{n}", family=f) for f, count in (("a", 80), ("b", 15), ("c", 5)) for n in range(count)]
    run = make_run(tmp_path / "1", "{size: 40, family: {shares: natural, floor: 4, cap: 0.6}}", traces)
    axes = make_mix(run).counts["mixes"]["mix"]["axes"]["family"]
    assert {value: cell["achieved"] for value, cell in axes.items()} == {"a": 24, "b": 12, "c": 4}
    free = make_run(tmp_path / "2", "{size: 50, family: {cap: {a: 20}, floor: {c: 5}}, when_short: shrink}", traces)
    achieved = make_mix(free).counts["mixes"]["mix"]
    assert achieved["size"] == 40
    assert achieved["axes"]["family"]["a"] == {"target": None, "achieved": 20, "available": 80}


def test_any_column_is_an_axis_and_the_measured_difficulty_too(tmp_path: Path) -> None:
    traces = [
        trace(task, verdict=verdict, difficulty=level)
        for task, verdicts, level in (("a", "cccw", "easy"), ("b", "cwww", "hard"), ("d", "cccc", "easy"))
        for verdict in ({"c": "correct", "w": "wrong"}[letter] for letter in verdicts)
    ]
    run = make_run(
        tmp_path / "1",
        "{size: 4, verdict: {correct: 1}, pass_rate: {cuts: [0.5, 0.9], shares: [0.25, 0.75, 0]}}",
        traces,
    )
    make_mix(run)
    assert Counter(chosen(run)["task_id"]) == {"a": 3, "b": 1}
    run = make_run(tmp_path / "2", "{size: 2, difficulty: uniform, verdict: {correct: 1}}", traces)
    make_mix(run)
    assert sorted(chosen(run)["difficulty"]) == ["easy", "hard"]


@pytest.mark.parametrize(
    ("balance", "said"),
    [
        ("{famly: uniform}", "balance.famly: there is no column 'famly' .did you mean 'family'"),
        ("{band: {quantiles: 4}}", "there are three bands"),
        ("{family: {cuts: [1]}}", "'family' has names"),
        ("{words: {quantiles: 2, within: fmily}}", "there is no column 'fmily'"),
        ("{score: uniform}", None),
    ],
)
def test_what_cannot_be_an_axis_says_why(tmp_path: Path, balance: str, said: str | None) -> None:
    from infogap.balance.stage import STAGE

    run = make_run(tmp_path, balance, [trace("a")])
    if said is None:
        STAGE.ready(run)
        return
    with pytest.raises(InputError, match=said):
        STAGE.ready(run)
        make_mix(run)
