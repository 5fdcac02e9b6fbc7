"""The embedded teacher: a GGUF model in this process, run by llama.cpp. No server, no port, no GPU.

An answer depends only on its request: not on earlier or concurrent requests, their order, or whether the run was
resumed. Floats depend on the shape of the batch in which a token is evaluated, so every request is evaluated the same
way, in a context of its own: the prompt without its last token from an empty cache, then one token at a time. The
evaluated prompt is kept for further samples of the same prompt.
"""

from __future__ import annotations

import codecs
import threading
from collections.abc import Hashable, Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Any

from infogap.parallel import usable_cores
from infogap.parallel.threads import threads_as_finished
from infogap.recipe.teacher_section import Sampling
from infogap.teachers.base import Completion, FinishReason, Request, Resolve
from infogap.teachers.embedded.answer_grammar import grammar_of
from infogap.teachers.embedded.embedded_backend import EmbeddedTeacher
from infogap.teachers.embedded.gguf_model import GgufContext, GgufModel, find_gguf
from infogap.teachers.logprobs import TokenLog
from infogap.text.thoughts import split


class EmbeddedModel:
    """A teacher that answers with llama.cpp, as many requests at a time as it has threads."""

    def __init__(self, settings: EmbeddedTeacher, resolve: Resolve) -> None:
        """Load the model; `resolve` resolves a path of the recipe on this machine.

        Raises InputError if llama.cpp or the model's file is missing or damaged, ExternalError if the packaged model
        cannot be fetched or there is not enough memory.
        """
        path = find_gguf(settings.model, resolve)
        self.name = path.stem
        self._settings = settings
        self._model = GgufModel(path)
        schema = settings.answer_schema
        self._grammar = None if schema is None else grammar_of(schema).encode()
        self._contexts: list[_Context] = []
        try:
            for _ in range(settings.threads or usable_cores()):
                self._contexts.append(_Context(self._model.open_context(settings.context_length)))
        except Exception:
            self.close()
            raise

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer the requests, in the order in which they finish; consecutive samples of one prompt are fastest."""

        def work(context: _Context, request: Request, stop: threading.Event) -> Completion:
            return self._answer(context, request, self._settings.sampling, stop)

        return threads_as_finished(self._contexts, requests, _prompt_key, work)

    def complete(self, request: Request, sampling: Sampling) -> Completion:
        """Answer one request; if it is too long, or the template refuses it, the completion has an `error`."""
        return self._answer(self._contexts[0], request, sampling, threading.Event())

    def close(self) -> None:
        """Free the model's memory."""
        for context in self._contexts:
            context.tokens.close()
        self._model.close()

    def _answer(self, context: _Context, request: Request, sampling: Sampling, stop: threading.Event) -> Completion:
        try:
            prompt, opened = self._model.prompt(request.messages)
        except Exception as error:  # the template is the model's own code: it may raise anything
            return Completion.failed(request, f"the model's chat template refuses the messages: {error}")
        room = self._settings.context_length - len(prompt)
        if room < 1:
            message = f"prompt of {len(prompt)} tokens does not fit in the context of {self._settings.context_length}"
            return Completion.failed(request, message, "too_long")
        log = TokenLog(self._settings.logprobs) if self._settings.logprobs else None
        context.read_prompt(prompt)
        limit = min(sampling.max_tokens, room)
        answer, tokens, reason = self._generate(context.tokens, request.seed, sampling, limit, log, stop)
        reasoning, response = split(answer, truncated=reason == "length", opened=opened)
        return Completion(
            request.request_id,
            reasoning,
            response,
            reason,
            len(prompt),
            tokens,
            token_logprobs=log.logprobs if log else None,
            token_entropies=log.entropies if log else None,
        )

    def _generate(
        self,
        context: GgufContext,
        seed: int,
        sampling: Sampling,
        limit: int,
        log: TokenLog | None,
        stop: threading.Event,
    ) -> tuple[str, int, FinishReason]:
        """Generate an answer; return its text, its number of tokens (without the end token), and why it ended."""
        c = self._model.library.c
        stops = [text.encode() for text in sampling.stop]
        longest_stop = max((len(text) for text in stops), default=0)
        written = bytearray()
        sampler = self._sampler(sampling, seed)
        try:
            for count in range(limit):
                if stop.is_set():
                    raise CancelledError
                token: int = c.llama_sampler_sample(sampler, context.handle, -1)
                if self._model.is_end(token):
                    return _decode(written), count, "stop"
                if log:
                    log.note(token, context.logits())
                start = max(len(written) - longest_stop + 1, 0)
                written += self._model.piece(token)
                places = [at for text in stops if (at := written.find(text, start)) >= 0]
                if places:
                    return _decode(written[: min(places)]), count + 1, "stop"
                if count + 1 < limit:
                    context.read([token])
        finally:
            c.llama_sampler_free(sampler)
        return _decode(written), limit, "length"

    def _sampler(self, sampling: Sampling, seed: int) -> Any:
        """Make the chain of samplers, temperature first as in vLLM, so that a recipe means the same with both."""
        c = self._model.library.c
        chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
        if self._grammar is not None:  # first: every other sampler sees what it allows alone
            held = c.llama_sampler_init_grammar(self._model.vocabulary, self._grammar, b"root")
            c.llama_sampler_chain_add(chain, held)
        if sampling.temperature == 0:
            c.llama_sampler_chain_add(chain, c.llama_sampler_init_greedy())
            return chain
        c.llama_sampler_chain_add(chain, c.llama_sampler_init_temp(sampling.temperature))
        if sampling.min_p is not None:
            c.llama_sampler_chain_add(chain, c.llama_sampler_init_min_p(sampling.min_p, 1))
        if sampling.top_k is not None:
            c.llama_sampler_chain_add(chain, c.llama_sampler_init_top_k(sampling.top_k))
        if sampling.top_p < 1:
            c.llama_sampler_chain_add(chain, c.llama_sampler_init_top_p(sampling.top_p, 1))
        c.llama_sampler_chain_add(chain, c.llama_sampler_init_dist(seed))
        return chain


class _Context:
    """A context, and the prompt whose tokens, except the last, it holds."""

    def __init__(self, tokens: GgufContext) -> None:
        self.tokens = tokens
        self._prompt: list[int] | None = None

    def read_prompt(self, prompt: list[int]) -> None:
        """Evaluate the prompt, always in the same two steps."""
        before_last = len(prompt) - 1
        if prompt != self._prompt or not self.tokens.rewind(before_last):
            self._prompt = None
            self.tokens.forget()
            if before_last:
                self.tokens.read(prompt[:-1])
            self._prompt = prompt
        self.tokens.read(prompt[-1:])


def _prompt_key(request: Request) -> Hashable:
    return tuple((message["role"], message["content"]) for message in request.messages)


def _decode(written: bytes | bytearray) -> str:
    """Decode UTF-8, without an incomplete character at the end."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(written))
