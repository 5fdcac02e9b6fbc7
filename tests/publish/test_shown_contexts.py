"""The texts that teachers were shown are read part by part, and are found again by their number."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.publish.shown_contexts import ShownContexts, _without_quotes
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS
from publish.small_run import build_run

TEXTS = ["first", "zweiter: größer ≤ 七", "", "the last\n"]


def with_contexts(folder: Path, texts: list[str]) -> Run:
    run = build_run(folder)
    rows = pl.DataFrame(
        {
            "context_id": [f"c{number}" for number in reversed(range(len(texts)))],
            "task_id": [f"task{number}" for number in range(len(texts))],
            "privilege": ["solution" if number % 2 else "answer" for number in range(len(texts))],
            "text": texts,
        },
        schema=dict(CONTEXTS.schema),
    )
    with run.rewrite(CONTEXTS) as out:
        out.write(rows)
    return run


@pytest.mark.parametrize("per_part", [1, 3, 100])
def test_a_context_is_found_by_its_number(tmp_path: Path, per_part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.runs.run_folder.ROWS_PER_PART", per_part)
    contexts = ShownContexts(with_contexts(tmp_path, TEXTS))
    assert pl.concat(contexts.texts()).to_list() == TEXTS
    for number, text in enumerate(TEXTS):
        assert contexts.of(number) == (f"task{number}", "solution" if number % 2 else "answer", text)


def test_texts_are_in_a_file_that_nothing_is_left_of(tmp_path: Path) -> None:
    run = with_contexts(tmp_path, TEXTS)
    contexts = ShownContexts(run)
    assert sum(map(len, contexts.texts())) == len(TEXTS)
    del contexts
    assert not list(run.path.glob(".publish*"))


def test_a_run_without_contexts_has_no_texts(tmp_path: Path) -> None:
    assert list(ShownContexts(with_contexts(tmp_path, [])).texts()) == []


@given(st.lists(st.sampled_from("abcdefgh"), max_size=40), st.lists(st.sampled_from("abcdefgh"), max_size=40))
def test_no_quote_of_eight_words_is_left_and_nothing_else_goes(words: list[str], source: list[str]) -> None:
    rest = _without_quotes(" ".join(words), " ".join(source))
    shared = {tuple(words[at : at + 8]) for at in range(33)} & {tuple(source[at : at + 8]) for at in range(33)}
    if not any(len(gram) == 8 for gram in shared):
        assert rest == " ".join(words)
    for piece in rest.split("\n"):
        left = piece.split()
        assert not any(tuple(left[at : at + 8]) in shared for at in range(len(left) - 7))
    assert len(rest.split()) <= len(words)


def test_a_critique_without_what_it_repeats() -> None:
    attempt = "There are four boxes of six jars, so there are 24 jars in all."
    critique = f"Step 1: {attempt} Right. But five of these are broken."
    assert _without_quotes(critique, attempt) == "Step 1: \n. Right. But five of these are broken."
