"""Sentences with the markers that a reader hears in them: what infogap's lexicon finds, and what it does not."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infogap.measure.lexicon import load

OWN = load("infogap", Path)
SENTENCES: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("marker_regression_corpus.jsonl").read_text("utf-8").splitlines()
]


def test_the_sentences_are_of_all_kinds() -> None:
    assert len(SENTENCES) >= 200
    assert sum(not sentence["markers"] for sentence in SENTENCES) >= 50
    assert sum(not sentence["text"].isascii() for sentence in SENTENCES) >= 40
    assert {OWN.markers[marker] for sentence in SENTENCES for marker in sentence["markers"]} == set(
        OWN.markers.values()
    )


def test_precision_and_recall(capsys: pytest.CaptureFixture[str]) -> None:
    right = matched = expected = 0
    wrong: list[str] = []
    for sentence in SENTENCES:
        markers = Counter(marker for _, _, marker in OWN.spans(sentence["text"], sentence.get("question", "")))
        labels = Counter(sentence["markers"])
        right += (markers & labels).total()
        matched += markers.total()
        expected += labels.total()
        if markers != labels:
            wrong.append(f"{sentence['text']}: found {dict(markers)}, labelled {dict(labels)}")
    with capsys.disabled():
        sys.stdout.write(
            f"\nmarkers: precision {right / matched:.3f}, recall {right / expected:.3f} ({right}/{expected})\n"
        )
    assert not wrong, "\n".join(wrong)
    assert right == matched == expected >= 190
