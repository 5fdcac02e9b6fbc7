"""Pair the parts of answers to questions with several parts: "(a) 3, (b) 5", "① 3；② 5", or 3, 5 in that order."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infogap.text.characters import half_width
from infogap.text.stated_answers import unwrapped
from infogap.verify.reading.solutions import separate

_LABEL = re.compile(
    r"(?:^|(?<=[\s;,.。；]))(?:\\text(?:bf)?\s*\{\s*)?(?:part\s*)?"
    r"(?:\(\s*(?P<both>[1-9]|[a-h]|i{1,3}|iv|v)\s*\)|(?P<one>[1-9]|[a-h])\)|(?P<circled>[①-⑨]))\s*(?:\}\s*)?[:.]?\s*",
    re.IGNORECASE,
)
_SPACING = re.compile(r"\\q?quad(?![a-z])|\\\\|\\[,;: ]|~")
_EDGES = re.compile(r"^[\s;,]+|(?:[\s;,。；]|\.(?=\s*$)|\band\b\s*$)+$")
_SERIES = ("123456789", "abcdefgh", "①②③④⑤⑥⑦⑧⑨")
_ROMAN = ["i", "ii", "iii", "iv", "v"]
_MOST = 2_000  # characters


def paired_parts(gold: str, answer: str) -> list[tuple[str, str]] | None:
    """Return the parts of two answers in pairs; None if neither labels its parts, or their numbers differ."""
    if max(len(gold), len(answer)) > _MOST:
        return None
    ours, theirs = _labelled(gold), _labelled(answer)
    if ours is None and theirs is None:
        return None
    ours, theirs = ours or _listed(gold), theirs or _listed(answer)
    return list(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) > 1 else None


def _labelled(text: str) -> list[str] | None:
    """Return the parts of a text that begin with (a), (b), ... or 1), 2), ... from the first on."""
    text = _SPACING.sub(" ", half_width(unwrapped(text))).strip(" $")
    labels = list(_in_series(list(_LABEL.finditer(text))))
    if len(labels) < 2 or labels[0].start() > 0:
        return None
    ends = [label.start() for label in labels[1:]] + [len(text)]
    parts = [_EDGES.sub("", text[label.end() : end]) for label, end in zip(labels, ends, strict=True)]
    return parts if all(parts) else None


def _in_series(labels: list[re.Match[str]]) -> Iterator[re.Match[str]]:
    """Yield the labels that follow each other, from the first of their series on."""
    wanted: list[str] = []
    for label in labels:
        name = next(group for group in label.groups() if group).lower()
        if not wanted:
            series = [_ROMAN] if name == "i" else [list(each) for each in _SERIES if each[0] == name]
            wanted = series[0] if series else []
        if wanted and name == wanted[0]:
            wanted = wanted[1:]
            yield label


def _listed(text: str) -> list[str]:
    text = unwrapped(text)
    parts = text.split(";") if ";" in text else list(separate(text))
    return [part.strip() for part in parts]
