"""The embedded model's scores of texts, against what it says of the tokens that it writes itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from infogap.gap.gap_rows import RANK_LIMIT
from infogap.recipe.teacher_section import Sampling
from infogap.teachers.base import Request, open_scorer
from infogap.teachers.embedded import embedded_scoring
from infogap.teachers.embedded.embedded_backend import EmbeddedTeacher
from infogap.teachers.embedded.embedded_scoring import EmbeddedScorer
from infogap.teachers.embedded.embedded_teacher import EmbeddedModel
from infogap.teachers.scorer import Scored, TextToScore, offsets_of

pytestmark = pytest.mark.model

QUESTION = [{"role": "user", "content": "Say something about the sea."}]
TOLD = [{"role": "user", "content": "Say something about the sea. It is full of fish."}]
TEXT = "The sea is full of fish, perhaps. 海 — wide."


@pytest.fixture(scope="module")
def scorer() -> Iterator[EmbeddedScorer]:
    opened = open_scorer(EmbeddedTeacher(backend="embedded", context_length=512), Path)
    assert isinstance(opened, EmbeddedScorer)
    yield opened
    opened.close()


def score(scorer: EmbeddedScorer, messages: list[dict[str, str]] | None, text: str = TEXT) -> Scored:
    (scored,) = scorer.score([TextToScore("a", messages, text)])
    return scored


def test_scores_are_the_log_probabilities_of_what_the_model_writes_itself(scorer: EmbeddedScorer) -> None:
    """Writing evaluates one token at a time, scoring many at once, and llama.cpp rounds the activations of a quantised
    model by the batch's shape: a shifted or wrong token would be off by nats, not by tenths of one."""
    sampling = Sampling(temperature=0, max_tokens=40)
    teacher = EmbeddedModel(EmbeddedTeacher(backend="embedded", logprobs=1, sampling=sampling), Path)
    written = teacher.complete(Request("a", QUESTION, 1), sampling)
    teacher.close()
    scored = score(scorer, QUESTION, written.response)
    assert written.token_logprobs is not None
    assert len(scored.tokens) == len(written.token_logprobs)
    assert scored.logprobs == pytest.approx(written.token_logprobs, abs=0.3)
    assert sum(scored.logprobs) == pytest.approx(sum(written.token_logprobs), abs=1)


def test_ranks_are_places_in_the_models_own_order(scorer: EmbeddedScorer) -> None:
    """Against the logits of a second context, sorted."""
    scored = score(scorer, QUESTION)
    assert scored.ranks is not None
    model, (prompt, _) = scorer._model, scorer._model.prompt(QUESTION)
    with closing(model.open_context(512, exact=True)) as context:
        context.read(prompt[:-1])
        rows = context.read_with_logits([prompt[-1], *scored.tokens[:-1]]).copy()
    placed = [
        int(np.flatnonzero(np.argsort(-row, kind="stable") == token)[0]) + 1
        for row, token in zip(rows, scored.tokens, strict=True)
    ]
    assert list(scored.ranks) == placed
    assert max(scored.ranks) > RANK_LIMIT > min(scored.ranks)


def test_equal_prompts_give_equal_scores_whatever_was_scored_before(scorer: EmbeddedScorer) -> None:
    first, told, again = score(scorer, QUESTION), score(scorer, TOLD), score(scorer, QUESTION)
    assert first.logprobs == again.logprobs
    assert first.tokens == told.tokens
    assert sum(told.logprobs) > sum(first.logprobs)  # it was told of the fish


def test_chunks_make_no_difference(scorer: EmbeddedScorer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = score(scorer, QUESTION)
    monkeypatch.setattr(embedded_scoring, "ROWS_AT_ONCE", 5)
    assert score(scorer, QUESTION).logprobs == pytest.approx(whole.logprobs, abs=0.3)


def test_offsets_say_where_tokens_begin(scorer: EmbeddedScorer) -> None:
    scored = score(scorer, None)
    assert len(scored.offsets) == len(scored.tokens) == len(scored.logprobs)
    assert list(scored.offsets) == sorted(scored.offsets)
    assert TEXT[scored.offsets[1] :].startswith(" sea")


def test_what_cannot_be_scored_says_why(scorer: EmbeddedScorer) -> None:
    assert "do not fit in the context of 512" in (score(scorer, QUESTION, "fish " * 600).error or "")
    assert score(scorer, QUESTION, "").error == "there is no text"


def test_offsets_of_pieces() -> None:
    assert offsets_of("a cat", ["a", " cat"]) == [0, 1]
    assert offsets_of("a cat", [" a", " cat"]) == [0, 1]
    assert offsets_of("海 b", ["", "海", " b"]) == [0, 0, 1]
