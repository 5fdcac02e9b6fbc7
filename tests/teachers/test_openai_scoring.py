"""Scores of servers that speak vLLM's protocol, in front of a model whose probabilities are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gap.tiny_model import TinyModel, tokens_of
from infogap.errors import ExternalError, InputError
from infogap.teachers.openai import http_servers as asking
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.openai_scoring import OpenAIScorer
from infogap.teachers.scorer import Scored, TextToScore
from servers.scoring_server import ScoringServer
from servers.scripted import ScriptedServer
from servers.serve import free_port, serve

QUESTION = [{"role": "user", "content": "What is 2+3?"}]
TOLD = [{"role": "user", "content": "What is 2+3? It is 5."}]
TEXT = "Wait, it is five."


@pytest.fixture(scope="module")
def model() -> TinyModel:
    return TinyModel(seed=3)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(asking, "LONGEST_WAIT", 0.05)


def scorer(url: str) -> OpenAIScorer:
    settings = {"backend": "openai", "model": "tiny", "base_url": [url], "concurrency": 4, "attempts": 2}
    return OpenAIScorer(OpenAITeacher.model_validate(settings))


def score(url: str, *texts: TextToScore) -> dict[str, Scored]:
    return {scored.key: scored for scored in scorer(url).score(texts)}


def test_scores_are_the_models_own(model: TinyModel) -> None:
    with serve(ScoringServer(model.logprobs, model.ranks).app) as url:
        scorer(f"{url}/v1").check()
        found = score(f"{url}/v1", TextToScore("a", QUESTION, TEXT), TextToScore("b", TOLD, TEXT))
    for key, content in (("a", "[What is 2+3?]"), ("b", "[What is 2+3? It is 5.]")):
        assert found[key].tokens == tokens_of(TEXT)
        assert found[key].offsets == list(range(len(TEXT)))
        assert found[key].logprobs == pytest.approx(model.logprobs(tokens_of(content), tokens_of(TEXT)))
        assert found[key].ranks == model.ranks(tokens_of(content), tokens_of(TEXT))


def test_a_server_that_says_no_ranks_gives_none(model: TinyModel) -> None:
    with serve(ScoringServer(model.logprobs).app) as url:
        scored = score(f"{url}/v1", TextToScore("a", QUESTION, TEXT))["a"]
    assert (scored.error, scored.ranks) == (None, None)
    assert len(scored.logprobs) == len(TEXT)


def test_a_thought_that_the_prompt_opens_is_scored_from_there(model: TinyModel) -> None:
    text = "<think>\nPerhaps.\n</think>\n\n5"
    with serve(ScoringServer(model.logprobs, template_end="<think>\n").app) as url:
        found = score(f"{url}/v1", TextToScore("a", QUESTION, text))["a"]
    expected = model.logprobs(tokens_of("[What is 2+3?]<think>\n"), tokens_of(text.removeprefix("<think>")))
    assert found.logprobs == pytest.approx(expected)
    assert found.offsets[0] == len("<think>")


def test_a_prompt_is_tokenized_once_for_all_its_texts(model: TinyModel) -> None:
    server = ScoringServer(model.logprobs)
    with serve(server.app) as url:
        asked = scorer(f"{url}/v1")
        for number in range(5):
            list(asked.score([TextToScore("a", QUESTION, f"It is {number}.")]))
    assert server.asked.count("/tokenize") == 5 + 1


def test_a_server_that_gives_no_log_probabilities_of_prompts_is_told_at_once(model: TinyModel) -> None:
    unable = ScoringServer(model.logprobs, able=False)
    message = r"gives no log-probabilities of prompts.*Name another scorer"
    with serve(unable.app) as url, pytest.raises(InputError, match=message):
        scorer(f"{url}/v1").check()


def test_a_server_without_vllms_paths_is_told_at_once(serving: Callable[[ScriptedServer], str]) -> None:
    with pytest.raises(InputError, match=r"lacks what it takes .status 404.*vLLM's server can"):
        scorer(serving(ScriptedServer())).check()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(ExternalError, match="no server answers"):
        scorer(f"http://127.0.0.1:{free_port()}/v1").check()


def test_other_tokens_than_those_sent_are_an_error(model: TinyModel) -> None:
    with serve(ScoringServer(model.logprobs, off=1).app) as url:
        found = score(f"{url}/v1", TextToScore("a", QUESTION, TEXT))["a"]
    assert found.error == "the server gives no log-probability of token 1, 87"
