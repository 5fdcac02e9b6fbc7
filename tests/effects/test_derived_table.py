"""The terminal's table of what each change did."""

from __future__ import annotations

from infogap.effects.derived_effects import DerivedEffect, derived_table


def test_a_change_that_made_nothing_is_in_the_table() -> None:
    table = derived_table([DerivedEffect("no_doubt", 0, [], {})])
    assert [list(column.cells) for column in table.columns][:3] == [["no_doubt"], ["nothing to compare"], ["0"]]
