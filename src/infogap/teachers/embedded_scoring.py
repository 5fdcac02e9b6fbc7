"""How likely a GGUF model in this process finds a given text after a given prompt."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infogap.errors import WorldError
from infogap.recipe.teacher import EmbeddedTeacher
from infogap.teachers.embedded import chat_template, piece_of
from infogap.teachers.gguf import find_gguf, load_gguf
from infogap.teachers.scoring import Scored, TextToScore
from infogap.teachers.thinking import CLOSING, OPENING

# A row of logits over the whole vocabulary per token: so many at once, and of each only the chosen token's is kept.
ROWS_AT_ONCE = 64
_TAGS = re.compile(f"({re.escape(OPENING)}|{re.escape(CLOSING)})")


class EmbeddedScorer:
    """A model that scores texts, one at a time; a score depends on its prompt and text alone."""

    def __init__(self, settings: EmbeddedTeacher, resolve: Callable[[str], Path]) -> None:
        """Load the model, as EmbeddedModel does, and with the same errors."""
        path = find_gguf(settings.model, resolve)
        self.name = path.stem
        self._context_length = settings.context_length
        self._llama = load_gguf(path, settings, exact=True)
        self._template = chat_template(self._llama, path)
        self._read: list[int] | None = None  # the beginning of the last prompt, which the model still holds

    def score(self, texts: Iterable[TextToScore]) -> Iterator[Scored]:
        """Score the texts in their order."""
        for text in texts:
            yield self._score(text)

    def close(self) -> None:
        """Free the model's memory."""
        self._llama.close()

    def _score(self, wanted: TextToScore) -> Scored:
        try:
            prompt, opened = self._prompt(wanted.messages)
        except Exception as error:  # the template is the model's own code: it may raise anything
            return Scored.failed(wanted, f"the model's chat template refuses the messages: {error}")
        begun = len(OPENING) if opened and wanted.text.startswith(OPENING) else 0
        tokens, offsets = self._tokens(wanted.text[begun:])
        if not tokens:
            return Scored.failed(wanted, "there is no text")
        if len(prompt) + len(tokens) > self._context_length:
            length = len(prompt) + len(tokens)
            message = f"prompt and text of {length} tokens do not fit in the context of {self._context_length}"
            return Scored.failed(wanted, message)
        logprobs = self._logprobs(prompt, tokens)
        return Scored(wanted.key, tokens, logprobs, [begun + offset for offset in offsets])

    def _prompt(self, messages: list[dict[str, str]] | None) -> tuple[list[int], bool]:
        """The prompt's tokens, and whether it ends with the opening tag of a thought."""
        if messages is None:
            begin: int = self._llama.token_bos()
            return ([begin] if begin >= 0 else []), False
        text = self._template(messages=messages).prompt
        tokens: list[int] = self._llama.tokenize(text.encode(), add_bos=False, special=True)
        return tokens, text.rstrip().endswith(OPENING)

    def _tokens(self, text: str) -> tuple[list[int], list[int]]:
        """The text's tokens, and the character at which each begins. Of control tokens only a thought's tags count:
        a text that merely mentions `<|im_end|>` does not end there."""
        tokens: list[int] = []
        for part in _TAGS.split(text):
            tokens += self._llama.tokenize(part.encode(), add_bos=False, special=part in (OPENING, CLOSING))
        vocabulary = self._llama._model.vocab
        pieces = [piece_of(vocabulary, token) for token in tokens]
        # Characters begin at bytes that are no continuation; a tokenizer may have put a space before the text.
        written = b"".join(pieces)
        added = max(len(written) - len(text.encode()), 0)
        characters = np.cumsum([(byte & 0xC0) != 0x80 for byte in written], dtype=np.int64)
        ends = np.cumsum([len(piece) for piece in pieces])
        starts = ends - [len(piece) for piece in pieces]
        offsets = [int(characters[start]) - 1 - added if start < len(written) else len(text) for start in starts]
        return tokens, [max(offset, 0) for offset in offsets]

    def _logprobs(self, prompt: list[int], tokens: list[int]) -> list[float]:
        """The log-probability of each token after the prompt and the tokens before it."""
        unconditional = [math.nan] if not prompt else []
        known = prompt[:-1]
        self._begin_after(known)
        read = [*prompt[-1:], *tokens[:-1]]  # each predicts the next
        predicted = tokens if prompt else tokens[1:]
        found: list[float] = []
        for start in range(0, len(read), ROWS_AT_ONCE):
            rows = self._logits(read[start : start + ROWS_AT_ONCE], len(known) + start)
            found += _chosen(rows, predicted[start : start + ROWS_AT_ONCE])
        return [*unconditional, *found]

    def _begin_after(self, known: list[int]) -> None:
        """Have the model hold these tokens and no others. By themselves, so that a score does not depend on whether
        they were read for this text or for the one before."""
        if known and known == self._read:
            self._llama._ctx.kv_cache_seq_rm(0, len(known), -1)
            return
        self._read = None
        self._llama.reset()
        self._llama._ctx.kv_cache_clear()
        if known:
            self._llama.eval(known)
        self._read = known

    def _logits(self, tokens: list[int], place: int) -> NDArray[np.float32]:
        """A row of logits after each of the tokens, which follow `place` others that the model has read."""
        from llama_cpp import llama_get_logits_ith

        batch = self._llama._batch
        batch.set_batch(batch=tokens, n_past=place, logits_all=True)
        try:
            self._llama._ctx.decode(batch)
        except RuntimeError as error:
            raise WorldError(f"llama.cpp cannot evaluate the text: {error}") from error
        shape = (self._llama.n_vocab(),)
        pointers = (llama_get_logits_ith(self._llama._ctx.ctx, index) for index in range(len(tokens)))
        return np.stack([np.ctypeslib.as_array(pointer, shape=shape) for pointer in pointers])


def _chosen(rows: NDArray[np.float32], tokens: list[int]) -> list[float]:
    """The log-softmax of each row at its token."""
    rows = rows[: len(tokens)]
    most = rows.max(axis=1, keepdims=True)
    normalisers = np.log(np.exp(rows - most).sum(axis=1, dtype=np.float64)) + most[:, 0]
    chosen: NDArray[np.float64] = rows[np.arange(len(tokens)), tokens].astype(np.float64) - normalisers
    found: list[float] = chosen.tolist()
    return found
