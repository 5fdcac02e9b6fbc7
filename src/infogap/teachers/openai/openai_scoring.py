"""Score texts with vLLM's servers, which give log-probabilities of prompts."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import aiohttp
import orjson

from infogap.errors import InputError
from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.openai.http_errors import PassingError, RefusedError, message_in, refusal
from infogap.teachers.openai.http_servers import Servers
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.scorer import Scored, TextToScore, offsets_of
from infogap.text.thoughts import OPENING

# Not below /v1, where the protocol's own paths are.
_TOKENIZE, _DETOKENIZE = "../tokenize", "../detokenize"
_UNKNOWN_PATH = {404, 405, 501}
_PROMPTS_KEPT = 256  # tokenized prompts: a task's texts follow each other
_TAIL = 8  # tokens that are enough to hold the opening tag of a thought


class OpenAIScorer:
    """A scorer on one server or several, with many requests at once.

    A text is tokenized by itself, so that its tokens are the same whatever the prompt. Names of control tokens in it
    become these tokens, as the server cannot tell them apart. Nor does it say which token begins a text: without a
    prompt, a text follows this token only if the model's tokenizer adds it.
    """

    def __init__(self, settings: OpenAITeacher) -> None:
        """Raise InputError if the key's environment variable is not set."""
        self.name = settings.model
        self._settings = settings
        self._servers = Servers(settings)
        self._prompts: OrderedDict[str, list[int]] = OrderedDict()

    def score(self, texts: Iterable[TextToScore]) -> Iterator[Scored]:
        """Score every text, in the order in which they finish; at most `concurrency` are in flight."""
        return coroutines_as_finished(texts, self._score, self._servers.session, self._settings.concurrency)

    def check(self) -> None:
        """Score one short text. Raises InputError if the servers cannot score, ExternalError if none answers."""
        (scored,) = self.score([TextToScore("", [{"role": "user", "content": "1"}], "2")])
        if scored.error is not None:
            raise InputError(
                f"{self.name} at {self._servers.fleet} cannot score traces: {scored.error}; vLLM's server can. "
                "Name another scorer, or leave `measure.gap` out"
            )

    def close(self) -> None:
        """Nothing is held between calls of `score`."""

    async def _score(self, session: aiohttp.ClientSession, wanted: TextToScore) -> Scored:
        try:
            return await self._try_to_score(session, wanted)
        except RefusedError as error:
            return Scored.failed(wanted, str(error))
        except PassingError as error:
            return Scored.failed(wanted, f"{error} ({self._settings.attempts} attempts)")

    async def _try_to_score(self, session: aiohttp.ClientSession, wanted: TextToScore) -> Scored:
        prompt = await self._prompt(session, wanted.messages)
        begun = 0
        if wanted.text.startswith(OPENING) and await self._opens_thought(session, prompt):
            begun = len(OPENING)
        tokens = await self._tokens(session, {"prompt": wanted.text[begun:], "add_special_tokens": False})
        if not tokens:
            return Scored.failed(wanted, "there is no text")
        known = [*prompt, *tokens]
        request = {"prompt": known, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
        places = await self._servers.post(session, "completions", self._body(request), _read_prompt_logprobs)
        logprobs, ranks, pieces = _scores_of_tokens(places, known)
        offsets = [begun + offset for offset in offsets_of(wanted.text[begun:], pieces[len(prompt) :])]
        of_text = None if ranks is None else ranks[len(prompt) :]
        return Scored(wanted.key, tokens, logprobs[len(prompt) :], offsets, ranks=of_text)

    async def _prompt(self, session: aiohttp.ClientSession, messages: list[dict[str, str]] | None) -> list[int]:
        """Tokenize the prompt by the model's chat template; without messages, give the begin-of-text token."""
        request: dict[str, Any] = {"prompt": "", "add_special_tokens": True}
        if messages is not None:
            request = {"messages": messages, "add_generation_prompt": True}
            if template := self._settings.extra_body.get("chat_template_kwargs"):
                request["chat_template_kwargs"] = template
        key = orjson.dumps(request).decode()
        if key in self._prompts:
            self._prompts.move_to_end(key)
            return self._prompts[key]
        tokens = await self._tokens(session, request)
        self._prompts[key] = tokens
        while len(self._prompts) > _PROMPTS_KEPT:
            self._prompts.popitem(last=False)
        return tokens

    async def _tokens(self, session: aiohttp.ClientSession, request: dict[str, Any]) -> list[int]:
        return await self._servers.post(session, _TOKENIZE, self._body(request), _read_tokens)

    async def _opens_thought(self, session: aiohttp.ClientSession, prompt: list[int]) -> bool:
        body = self._body({"tokens": prompt[-_TAIL:]})
        end = await self._servers.post(session, _DETOKENIZE, body, _read_text)
        return end.rstrip().endswith(OPENING)

    def _body(self, request: dict[str, Any]) -> bytes:
        return orjson.dumps({"model": self._settings.model, **request})


def _scores_of_tokens(places: Sequence[Any], tokens: Sequence[int]) -> tuple[list[float], list[int] | None, list[str]]:
    """Return each token's log-probability, rank and text; NaN and 0 for the first, which follows nothing.

    Ranks are None if the server leaves one out, as servers other than vLLM's may. Raises RefusedError if the server
    answers about other tokens than those that it was sent.
    """
    if len(places) != len(tokens):
        raise RefusedError(f"the server speaks of {len(places):,} tokens, and was sent {len(tokens):,}")
    logprobs, ranks, pieces = [], [], []
    for place, (said, token) in enumerate(zip(places, tokens, strict=True)):
        entry = (said or {}).get(str(token))
        if entry is None and place:
            raise RefusedError(f"the server gives no log-probability of token {place:,}, {token}")
        logprobs.append(math.nan if entry is None else float(entry["logprob"]))
        ranks.append(0 if entry is None else entry.get("rank"))
        pieces.append("" if entry is None else entry.get("decoded_token") or "")
    return logprobs, None if None in ranks else [int(rank) for rank in ranks], pieces


def _read_prompt_logprobs(url: str, status: int, headers: Mapping[str, str], payload: bytes) -> list[Any]:
    reply = _read_json(url, status, headers, payload)
    try:
        places = reply["choices"][0]["prompt_logprobs"]
        return list(places)
    except (KeyError, IndexError, TypeError):
        raise RefusedError(f"{url} gives no log-probabilities of prompts (`prompt_logprobs`)") from None


def _read_tokens(url: str, status: int, headers: Mapping[str, str], payload: bytes) -> list[int]:
    reply = _read_json(url, status, headers, payload)
    try:
        return [int(token) for token in reply["tokens"]]
    except (KeyError, TypeError, ValueError):
        raise RefusedError(f"{url} does not tokenize: {message_in(payload)}") from None


def _read_text(url: str, status: int, headers: Mapping[str, str], payload: bytes) -> str:
    reply = _read_json(url, status, headers, payload)
    try:
        return str(reply["prompt"])
    except (KeyError, TypeError):
        raise RefusedError(f"{url} does not detokenize: {message_in(payload)}") from None


def _read_json(url: str, status: int, headers: Mapping[str, str], payload: bytes) -> Any:
    if status in _UNKNOWN_PATH:
        raise RefusedError(f"{url} lacks what it takes (status {status}: {message_in(payload)})")
    if status != 200:
        raise refusal(url, status, headers, payload)
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise PassingError(f"{url} sent invalid JSON: {message_in(payload)}") from None
