"""Markers of texts: counts, densities and places."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import infogap

TEXTS = ["Wait, perhaps it is 3. Let me check.", "It is 3.", None]


def test_a_row_per_text() -> None:
    frame = infogap.count_markers(TEXTS)
    assert frame.columns == ["words", "epistemic_count", "epistemic_density", "markers"]
    assert frame.select("words", "epistemic_count", "epistemic_density").rows() == [
        (8, 3, 375.0),
        (3, 0, 0.0),
        (0, 0, None),
    ]
    assert {entry["marker"]: entry["count"] for entry in frame["markers"][0]} == {
        "wait": 1,
        "perhaps": 1,
        "let me check": 1,
    }
    assert infogap.count_markers(pl.Series(TEXTS)).equals(frame)


def test_spans_are_places_in_the_text() -> None:
    spans = infogap.count_markers(TEXTS, spans=True)["spans"][0].to_list()
    assert [TEXTS[0][span["start"] : span["end"]] for span in spans] == ["Wait", "perhaps", "Let me check"]  # type: ignore[index]
    assert spans[0]["category"] == "self_correction"


def test_another_lexicon(tmp_path: Path) -> None:
    assert infogap.count_markers(["wait, hmm"], lexicon="kim2026")["epistemic_count"].item() == 2
    (tmp_path / "mine.yaml").write_text("name: mine\nsource: me\nmatching: word\nmarkers: {doubt: [dunno]}\n")
    own = infogap.count_markers(["I dunno."], lexicon=str(tmp_path / "mine.yaml"))
    assert own["markers"].to_list() == [[{"marker": "dunno", "count": 1}]]
    with pytest.raises(infogap.InputError, match="unknown lexicon 'infogp'"):
        infogap.count_markers([], lexicon="infogp")


def test_no_texts() -> None:
    assert infogap.count_markers([], spans=True).shape == (0, 5)


def test_a_single_text_is_not_read_letter_by_letter() -> None:
    with pytest.raises(infogap.InputError, match="is a single text; pass a list"):
        infogap.count_markers("Wait, perhaps it is 3.")
