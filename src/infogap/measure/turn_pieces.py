"""Cut the texts of traces of several turns into their turns, so that no marker spans two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from infogap.leaks.turn_leaks import turn_texts
from infogap.measure.marker_matches import MarkerMatches
from infogap.text.spoken_turns import Message, read_turns

TURNS = "turns"
"""The column of the frame with the turns of traces that have several, as JSON; null for others."""


def turns_of(frame: pl.DataFrame) -> list[list[Message] | None]:
    """Return the turns of each trace of a frame; None for one that is a single answer, or has no text."""
    if TURNS not in frame.columns:
        return [None] * frame.height
    return [
        None if written is None or not text else read_turns(written)
        for written, text in frame.select(TURNS, "text").iter_rows()
    ]


@dataclass(frozen=True)
class TurnPieces:
    """The texts of some traces, those with several turns cut into these."""

    texts: list[str]
    seen: list[str]  # by the student before each text: the question, and the results of tools
    trace: np.ndarray  # the trace's index, of each text
    start: np.ndarray  # of the text in the trace's, in characters

    @classmethod
    def of(cls, frame: pl.DataFrame) -> TurnPieces:
        """Cut the column `text` of a frame, which also has `question`."""
        texts, seen, places = [], [], []
        rows = zip(frame["text"], frame["question"], turns_of(frame), strict=True)
        for number, (text, question, turns) in enumerate(rows):
            if turns is None:
                texts.append(text)
                seen.append(question or "")
                places.append((number, 0))
                continue
            for turn in turn_texts(turns, question or ""):
                texts.append(text[turn.start : turn.end])
                seen.append(turn.seen)
                places.append((number, turn.start))
        trace, start = np.array(places, np.int64).reshape(-1, 2).T
        return cls(texts, seen, trace, start)

    def in_traces(self, matches: MarkerMatches) -> MarkerMatches:
        """Return matches in these texts as matches in the traces."""
        start = self.start[matches.text]
        return MarkerMatches(self.trace[matches.text], matches.start + start, matches.end + start, matches.marker)
