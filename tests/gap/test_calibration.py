"""Calibration of answers whose confidence and verdict are made up, against what can be counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.gap.calibration import BINS, calibration

COLUMNS = {
    "trace_id": pl.String,
    "task_id": pl.String,
    "privilege": pl.String,
    "verdict": pl.String,
    "band": pl.String,
    "epistemic_density": pl.Float64,
    "answer_confidence": pl.Float64,
}


def traces(*rows: tuple[str, float, str | None, str]) -> pl.DataFrame:
    """Privilege, confidence, verdict, band."""
    found: list[dict[str, Any]] = [
        dict.fromkeys(COLUMNS)
        | {"trace_id": f"t{n}", "privilege": who, "answer_confidence": sure, "verdict": verdict, "band": band}
        for n, (who, sure, verdict, band) in enumerate(rows)
    ]
    return pl.DataFrame(found, schema=COLUMNS)


def test_bins_and_error_by_hand() -> None:
    found = calibration(
        traces(
            ("answer", 0.95, "correct", "confident"),
            ("answer", 0.97, "wrong", "confident"),
            ("unguided", 1.0, "correct", "uncertain"),
            ("unguided", 0.3, "wrong", "confident"),
            ("unguided", 0.1, "ungradable", "confident"),
        )
    )
    assert [(group.name, group.traces) for group in found.bins] == [("0.3 to 0.4", 1), ("0.9 to 1.0", 3)]
    assert found.bins[1].accuracy == pytest.approx(2 / 3)
    assert found.bins[1].confidence == pytest.approx((0.95 + 0.97 + 1) / 3)
    assert found.error == pytest.approx(0.25 * 0.3 + 0.75 * ((0.95 + 0.97 + 1) / 3 - 2 / 3))
    assert (found.traces, found.ungraded) == (4, 1)
    assert [(group.name, group.traces) for group, _ in found.privileges] == [("answer", 2), ("unguided", 2)]
    assert [error for _, error in found.privileges] == pytest.approx([0.96 - 0.5, 0.5 * 0.3])
    assert [group.name for group in found.bands] == ["confident", "uncertain"]
    assert found.overconfident["trace_id"].to_list() == ["t4", "t3"]


def test_nothing_to_calibrate() -> None:
    found = calibration(traces(("answer", 0.5, None, "confident")))
    assert (found.traces, found.ungraded, found.error, found.bins) == (0, 1, None, [])


Rows = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(Rows)
def test_the_error_is_that_of_its_definition(rows: list[tuple[float, bool]]) -> None:
    found = calibration(traces(*(("a", sure, "correct" if right else "wrong", "mixed") for sure, right in rows)))
    sure, right = (np.array(values, dtype=float) for values in zip(*rows, strict=True))
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    expected = sum(
        abs(right[places == place].mean() - sure[places == place].mean()) * np.mean(places == place)
        for place in set(places.tolist())
    )
    assert found.error == pytest.approx(expected)
    assert 0 <= expected <= 1
    assert sum(group.traces for group in found.bins) == len(rows)
