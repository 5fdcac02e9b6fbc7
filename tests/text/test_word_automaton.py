"""Words found in texts by one automaton."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from infogap.text.text_batch import TextBatch
from infogap.text.word_automaton import WordAutomaton

_TEXT = st.text(st.sampled_from("aabbc ’答案𝑥\n"), max_size=40)


@given(st.lists(_TEXT, max_size=5), st.lists(_TEXT.filter(bool), unique=True, max_size=8))
def test_every_occurrence_of_every_word_is_found(texts: list[str], words: list[str]) -> None:
    batch = TextBatch.of(texts)
    hits = WordAutomaton.of(words).hits(batch.content, batch.starts, batch.starts + batch.sizes)
    expected = {
        (number, index, len(text[: match.start()].encode()) + len(word.encode()) - 1, match.start() + len(word) - 1)
        for number, text in enumerate(texts)
        for index, word in enumerate(words)
        for match in re.finditer(f"(?={re.escape(word)})", text)
    }
    assert sorted(map(tuple, hits.tolist())) == sorted(expected)
    places = [(text, end) for text, _, end, _ in hits.tolist()]
    assert places == sorted(places)
