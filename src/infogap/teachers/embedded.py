"""The embedded teacher: a GGUF model in this process. No server, no GPU.

An answer depends on its request alone: not on what was asked before, in which order, or whether the
run was resumed. Floats depend on the shape of the batch that a token was evaluated in, so every
request is evaluated the same way: the prompt without its last token from an empty cache, then one
token at a time. The evaluated prompt is kept for the samples of the same prompt that follow.
"""

from __future__ import annotations

import codecs
import ctypes
import datetime
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from infogap.errors import UserError
from infogap.recipe.teacher import EmbeddedTeacher, Sampling
from infogap.teachers.base import Completion, FinishReason, Request
from infogap.teachers.gguf import find_gguf, load_gguf
from infogap.teachers.logits import TokenLog
from infogap.teachers.thinking import CLOSING, OPENING, split

_TAGS = (OPENING.encode(), CLOSING.encode())
_PIECE_BYTES = 512  # longer than any token's text
_TODAY = datetime.date(2025, 1, 1)  # what chat templates that print a date are told: prompts must not change overnight


class EmbeddedModel:
    """A teacher that answers with llama.cpp, one request at a time. Not for use from several threads at once."""

    def __init__(self, settings: EmbeddedTeacher, resolve: Callable[[str], Path]) -> None:
        """Load the model; `resolve` gives a path of the recipe as a path of this machine.

        Raises UserError where llama.cpp, the model's package or its file is missing or damaged.
        """
        path = find_gguf(settings.model, resolve)
        self.name = path.stem
        self._sampling = settings.sampling
        self._context_length = settings.context_length
        self._logprobs = settings.logprobs
        self._llama = load_gguf(path, settings)
        self._template = chat_template(self._llama, path)
        self._evaluated: list[int] | None = None  # the prompt whose tokens but the last lie in the cache

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer the requests in their order. Samples of one prompt are fastest one after another."""
        for request in requests:
            yield self.complete(request, self._sampling)

    def complete(self, request: Request, sampling: Sampling) -> Completion:
        """Answer one request. A prompt that the template refuses or that is too long is a completion with `error`."""
        try:
            text = self._template(messages=request.messages).prompt
        except Exception as error:  # the template is the model's own code: it may raise anything
            return Completion.failed(request, f"the model's chat template refuses the messages: {error}")
        prompt: list[int] = self._llama.tokenize(text.encode(), add_bos=False, special=True)
        room = self._context_length - len(prompt)
        if room < 1:
            message = f"prompt of {len(prompt)} tokens does not fit in the context of {self._context_length}"
            return Completion.failed(request, message, "too_long")
        log = TokenLog(self._llama, self._logprobs) if self._logprobs else None
        answer, tokens, reason = self._generate(prompt, request.seed, sampling, min(sampling.max_tokens, room), log)
        opened = text.rstrip().endswith(OPENING)
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

    def close(self) -> None:
        """Free the model's memory."""
        self._llama.close()

    def _generate(
        self, prompt: list[int], seed: int, sampling: Sampling, limit: int, log: TokenLog | None
    ) -> tuple[str, int, FinishReason]:
        """The answer's text, its number of tokens (without the one that ends it), and why it ended."""
        from llama_cpp import llama_sampler_free, llama_sampler_sample, llama_vocab_is_eog

        vocabulary = self._llama._model.vocab
        stops = [stop.encode() for stop in sampling.stop]
        longest_stop = max((len(stop) for stop in stops), default=0)
        written = bytearray()
        self._evaluate(prompt)
        sampler = _sampler(sampling, seed)
        try:
            for count in range(limit):
                token = llama_sampler_sample(sampler, self._llama.ctx, -1)
                if llama_vocab_is_eog(vocabulary, token):
                    return _decode(written), count, "stop"
                if log:
                    log.note(token)
                start = max(len(written) - longest_stop + 1, 0)
                written += piece_of(vocabulary, token)
                found = [at for stop in stops if (at := written.find(stop, start)) >= 0]
                if found:
                    return _decode(written[: min(found)]), count + 1, "stop"
                if count + 1 < limit:
                    self._llama.eval([token])
        finally:
            llama_sampler_free(sampler)
        return _decode(written), limit, "length"

    def _evaluate(self, prompt: list[int]) -> None:
        """Make the model ready to sample the token after the prompt, always in the same two steps."""
        before_last = len(prompt) - 1
        if prompt != self._evaluated or not self._rewind(before_last):
            self._evaluated = None
            self._rewind(0)
            self._llama.reset()
            if before_last:
                self._llama.eval(prompt[:-1])
            self._evaluated = prompt
        self._llama.eval(prompt[-1:])

    def _rewind(self, length: int) -> bool:
        """Forget all but the first tokens; False where the architecture (a recurrent one) cannot."""
        from llama_cpp import llama_get_memory, llama_memory_seq_rm

        rewound = bool(llama_memory_seq_rm(llama_get_memory(self._llama.ctx), -1, length, -1))
        if rewound:
            self._llama.n_tokens = length
        return rewound


def chat_template(llama: Any, path: Path) -> Callable[..., Any]:
    """The model's own chat template, from the file's metadata."""
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    source = llama.metadata.get("tokenizer.chat_template")
    if source is None:
        raise UserError(f"{path} has no chat template: it is not a chat model, or was converted without one")
    end, begin = llama.token_eos(), llama.token_bos()
    formatter: Any = Jinja2ChatFormatter(
        template=source,
        eos_token=llama._model.token_get_text(end) if end >= 0 else "",
        bos_token=llama._model.token_get_text(begin) if begin >= 0 else "",
    )
    formatter.strftime_now = _TODAY.strftime
    template: Callable[..., Any] = formatter
    return template


def _sampler(sampling: Sampling, seed: int) -> Any:
    """A chain of llama.cpp samplers; the temperature first, as in vLLM, so that a recipe means the same on both."""
    import llama_cpp as c

    chain = c.llama_sampler_chain_init(c.llama_sampler_chain_default_params())
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


def piece_of(vocabulary: Any, token: int) -> bytes:
    """A token's text. Control tokens have none, but for the tags of a thought."""
    from llama_cpp import llama_token_to_piece

    buffer = ctypes.create_string_buffer(_PIECE_BYTES)
    length = llama_token_to_piece(vocabulary, token, buffer, _PIECE_BYTES, 0, False)
    if length == 0:
        length = llama_token_to_piece(vocabulary, token, buffer, _PIECE_BYTES, 0, True)
        if buffer.raw[:length] not in _TAGS:
            return b""
    return buffer.raw[: max(length, 0)]


def _decode(written: bytes | bytearray) -> str:
    """UTF-8 as text; a character that the end cut in two is left out."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(written))
