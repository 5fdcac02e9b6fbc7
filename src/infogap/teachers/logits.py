"""What llama.cpp's logits say of the tokens that it wrote: log-probabilities and entropies."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infogap.teachers.entropy import entropy


class TokenLog:
    """The tokens of one answer, as the model saw them: before temperature, top_p and the like, as vLLM reports them.

    `logprobs` and `entropies` are in nats; the latter from the `likeliest` most likely tokens and the rest as one.
    """

    def __init__(self, llama: Any, likeliest: int) -> None:
        self._llama = llama
        self._likeliest = likeliest
        self.logprobs: list[float] = []
        self.entropies: list[float] = []

    def note(self, token: int) -> None:
        """Take down a token that was just sampled, while the logits that it was sampled from are there."""
        logprobs = _log_softmax(self._logits())
        most = np.partition(logprobs, -self._likeliest)[-self._likeliest :]
        self.logprobs.append(float(logprobs[token]))
        self.entropies.append(entropy(most.tolist()))

    def _logits(self) -> NDArray[np.float64]:
        from llama_cpp import llama_get_logits_ith

        pointer = llama_get_logits_ith(self._llama.ctx, -1)
        return np.ctypeslib.as_array(pointer, shape=(self._llama.n_vocab(),)).astype(np.float64)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max()
    log_probabilities: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return log_probabilities
