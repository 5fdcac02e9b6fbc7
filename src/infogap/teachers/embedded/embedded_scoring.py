"""Score texts with a GGUF model in this process."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Hashable, Iterable, Iterator
from concurrent.futures import CancelledError

import numpy as np

from infogap.parallel import usable_cores
from infogap.parallel.threads import threads_as_finished
from infogap.teachers.base import Resolve
from infogap.teachers.embedded.embedded_backend import EmbeddedTeacher
from infogap.teachers.embedded.gguf_model import GgufContext, GgufModel, find_gguf
from infogap.teachers.logprobs import log_softmax, ranks
from infogap.teachers.scorer import Scored, TextToScore
from infogap.text.thoughts import CLOSING, OPENING

# Tokens whose logits are computed at once. Each is a row over the whole vocabulary, of which one number is kept.
ROWS_AT_ONCE = 64
_TAGS = re.compile(f"({re.escape(OPENING)}|{re.escape(CLOSING)})")


class EmbeddedScorer:
    """A scorer with one text per thread; a score depends only on its prompt and text."""

    def __init__(self, settings: EmbeddedTeacher, resolve: Resolve) -> None:
        """Load the model, as EmbeddedModel does, and with the same errors."""
        path = find_gguf(settings.model, resolve)
        self.name = path.stem
        self._context_length = settings.context_length
        self._model = GgufModel(path)
        self._contexts: list[_Context] = []
        try:
            for _ in range(settings.threads or usable_cores()):
                self._contexts.append(_Context(self._model.open_context(settings.context_length, exact=True)))
        except Exception:
            self.close()
            raise

    def score(self, texts: Iterable[TextToScore]) -> Iterator[Scored]:
        """Score the texts, in the order in which they finish."""
        return threads_as_finished(self._contexts, texts, _prompt_key, self._score)

    def close(self) -> None:
        """Free the model's memory."""
        for context in self._contexts:
            context.tokens.close()
        self._model.close()

    def _score(self, context: _Context, wanted: TextToScore, stop: threading.Event) -> Scored:
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
        logprobs, in_vocabulary = context.logprobs_and_ranks(prompt, tokens, stop)
        return Scored(wanted.key, tokens, logprobs, [begun + offset for offset in offsets], ranks=in_vocabulary)

    def _prompt(self, messages: list[dict[str, str]] | None) -> tuple[list[int], bool]:
        """Tokenize the prompt; also return whether it ends with the opening tag of a thought."""
        if messages is None:
            return ([self._model.begin] if self._model.begin >= 0 else []), False
        return self._model.prompt(messages)

    def _tokens(self, text: str) -> tuple[list[int], list[int]]:
        """Tokenize the text; also return the character at which each token begins.

        The only control tokens are the tags of a thought: a text that merely mentions `<|im_end|>` does not end there.
        """
        tokens: list[int] = []
        for part in _TAGS.split(text):
            tokens += self._model.tokenize(part, special=part in (OPENING, CLOSING))
        pieces = [self._model.piece(token) for token in tokens]
        # A character begins at every byte that continues none; a tokenizer may have put a space before the text.
        written = b"".join(pieces)
        added = max(len(written) - len(text.encode()), 0)
        characters = np.cumsum([(byte & 0xC0) != 0x80 for byte in written], dtype=np.int64)
        ends = np.cumsum([len(piece) for piece in pieces])
        starts = ends - [len(piece) for piece in pieces]
        offsets = [int(characters[start]) - 1 - added if start < len(written) else len(text) for start in starts]
        return tokens, [max(offset, 0) for offset in offsets]


class _Context:
    """A context, and the tokens of the last prompt, except its last, that it still holds."""

    def __init__(self, tokens: GgufContext) -> None:
        self.tokens = tokens
        self._read: list[int] | None = None

    def logprobs_and_ranks(
        self, prompt: list[int], tokens: list[int], stop: threading.Event
    ) -> tuple[list[float], list[int]]:
        """Compute the log-probability and the rank of each token after the prompt and the tokens before it."""
        self._begin_after(prompt[:-1])
        read = [*prompt[-1:], *tokens[:-1]]  # each predicts the next
        predicted = tokens if prompt else tokens[1:]
        logprobs: list[float] = [] if prompt else [math.nan]
        in_vocabulary: list[int] = [] if prompt else [0]
        for start in range(0, len(read), ROWS_AT_ONCE):
            if stop.is_set():
                self._read = None
                raise CancelledError
            rows = self.tokens.read_with_logits(read[start : start + ROWS_AT_ONCE])
            chosen = predicted[start : start + ROWS_AT_ONCE]
            rows = rows[: len(chosen)]
            logprobs += log_softmax(rows.astype(np.float64))[np.arange(len(chosen)), chosen].tolist()
            in_vocabulary += ranks(rows, chosen)
        return logprobs, in_vocabulary

    def _begin_after(self, known: list[int]) -> None:
        """Make the context hold exactly these tokens.

        They are read in a batch of their own, so that a score does not depend on whether they were read for this text
        or for the one before.
        """
        if known and known == self._read and self.tokens.rewind(len(known)):
            return
        self._read = None
        self.tokens.forget()
        if known:
            self.tokens.read(known)
        self._read = known


def _prompt_key(text: TextToScore) -> Hashable:
    return tuple((message["role"], message["content"]) for message in text.messages or ())
