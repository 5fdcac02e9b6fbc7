"""Leaks of texts that are in no run."""

from __future__ import annotations

import polars as pl
import pytest

import infogap

ROW = {
    "id": 7,
    "question": "What is 12 * 12?",
    "answer": "144",
    "privilege": "solution",
    "context": "A solution:\n12 * 12 = 10 * 12 + 2 * 12 = 144.",
    "text": "As the given solution shows, it is 144.",
}


def test_leaks_are_added_to_the_frame() -> None:
    clean = ROW | {"text": "12 * 12 = 120 + 24. So 144.", "context": None, "privilege": "unguided"}
    found = infogap.find_leaks(pl.DataFrame([ROW, clean]))
    assert found["leak"].to_list() == [True, False]
    leaks = {leak["kind"]: leak for leak in found["leaks"][0]}
    reference = leaks["reference"]
    assert str(ROW["text"])[reference["start"] : reference["end"]] == reference["evidence"]
    assert found["id"].to_list() == [7, 7]


def test_what_is_not_known_may_be_left_out() -> None:
    found = infogap.find_leaks(pl.DataFrame([{"question": ROW["question"], "text": ROW["text"]}]))
    assert found["leak"].to_list() == [True]
    with pytest.raises(infogap.InputError, match="the frame has no column 'text'"):
        infogap.find_leaks(pl.DataFrame({"question": ["?"], "txt": ["x"]}))
