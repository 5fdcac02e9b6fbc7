"""Scores are the model's own log-probabilities, whatever the length, in bounded memory."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap.teachers.scorer import Scored, TextToScore
from infogap.teachers.vllm import vllm_scoring
from infogap.teachers.vllm.vllm_backend import VllmTeacher
from infogap.teachers.vllm.vllm_scoring import VllmScorer
from with_vllm.reference import Reference

ROWS_AT_ONCE = 64
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
TOLD = [{"role": "user", "content": "What is the capital of France? The answer is Paris."}]
TEXT = "Let me think. The capital of France is Paris, perhaps."
LONG = " ".join(f"Line {number} says that {number} times {number} is {number * number}." for number in range(120))


@pytest.fixture(scope="module")
def scorer(thinking_folder: Path) -> Iterator[VllmScorer]:
    """In float32, to be compared with another implementation; the chunk small, so that texts span many."""
    engine = {"dtype": "float32", "max_model_len": 4096, "max_num_seqs": 4, "enforce_eager": True}
    settings = VllmTeacher(
        backend="vllm", model=str(thinking_folder), engine=engine, chat_template_kwargs={"enable_thinking": False}
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(vllm_scoring, "TOKENS_AT_ONCE", ROWS_AT_ONCE)
        model = VllmScorer(settings, Path)
    yield model
    model.close()


def scores(scorer: VllmScorer, *texts: TextToScore) -> dict[str, Scored]:
    return {scored.key: scored for scored in scorer.score(texts)}


@pytest.fixture(scope="module")
def reference(thinking_folder: Path) -> Reference:
    return Reference(thinking_folder)


def test_long_texts_are_scored_in_bounded_memory(scorer: VllmScorer) -> None:
    """The first long text: memory once taken is not given back.

    All rows of logits at once would be the tokens x 49,152 x 4 bytes, and as much again for their softmax.
    """
    scores(scorer, TextToScore("short", QUESTION, TEXT))
    before = peak_memory()
    (scored,) = scorer.score([TextToScore("long", QUESTION, LONG)])
    assert len(scored.tokens) > 2_000
    assert peak_memory() - before < len(scored.tokens) * 49_152 * 4


@pytest.mark.parametrize("text", [TEXT, LONG[:3000]], ids=["short", "many chunks"])
def test_scores_are_those_of_another_implementation(scorer: VllmScorer, reference: Reference, text: str) -> None:
    scored = scores(scorer, TextToScore("a", QUESTION, text), TextToScore("b", TOLD, text))
    assert scored["a"].tokens == scored["b"].tokens
    for key, messages in (("a", QUESTION), ("b", TOLD)):
        assert scored[key].logprobs == pytest.approx(reference.score(messages, text), abs=2e-3)
        ranks = scored[key].ranks
        assert ranks is not None
        agreeing = [rank == other for rank, other in zip(ranks, reference.ranks(messages, text), strict=True)]
        assert sum(agreeing) >= 0.95 * len(agreeing)  # rounding exchanges tokens that are equally likely
    assert sum(scored["b"].logprobs) != sum(scored["a"].logprobs)


def test_a_text_without_a_prompt_follows_the_begin_of_text_token(scorer: VllmScorer, reference: Reference) -> None:
    (scored,) = scorer.score([TextToScore("alone", None, TEXT)])
    assert scored.logprobs == pytest.approx(reference.score(None, TEXT), abs=2e-3)
    assert [TEXT[offset] for offset in scored.offsets[:3]] == ["L", " ", " "]  # Let| me| think


def test_the_difference_between_two_prompts_is_that_of_another_implementation(
    scorer: VllmScorer, reference: Reference
) -> None:
    asked, told = scores(scorer, TextToScore("a", QUESTION, TEXT), TextToScore("b", TOLD, TEXT)).values()
    if asked.key == "b":
        asked, told = told, asked
    expected = sum(reference.score(TOLD, TEXT)) - sum(reference.score(QUESTION, TEXT))
    assert sum(told.logprobs) - sum(asked.logprobs) == pytest.approx(expected, abs=1e-3 * len(asked.tokens))


def test_a_text_that_a_prompt_has_begun_is_scored_from_there(scorer: VllmScorer, thinking_folder: Path) -> None:
    own = scorer._prompts
    try:
        scorer._prompts = type(own)(scorer._engine.llm, {})
        with_tag, without = (TextToScore(tag, QUESTION, f"{tag}I see</think>Four") for tag in ("<think>", ""))
        scored = scores(scorer, with_tag, without)
    finally:
        scorer._prompts = own
    assert scored["<think>"].tokens == scored[""].tokens
    assert scored["<think>"].logprobs == pytest.approx(scored[""].logprobs, abs=1e-4)


def test_a_text_that_does_not_fit_is_an_error(scorer: VllmScorer) -> None:
    found = scores(scorer, TextToScore("long", QUESTION, LONG * 2), TextToScore("fits", QUESTION, TEXT))
    assert "do not fit in the context" in (found["long"].error or "")
    assert found["fits"].error is None and found["fits"].logprobs


def peak_memory() -> int:
    """Bytes that the engine's processes have had at most, together."""
    return sum(_peak(process.pid) for process in multiprocessing.active_children() if process.pid is not None)


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return kilobytes * 1024 + sum(_peak(int(child)) for child in children)
