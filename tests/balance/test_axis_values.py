"""What a mix's axes are made of: values, ranges, shares given another column, floors and caps."""

import polars as pl
import pytest

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
