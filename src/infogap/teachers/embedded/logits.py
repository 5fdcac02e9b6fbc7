"""What a model's logits say of the tokens that it wrote: log-probabilities and entropies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infogap.teachers.entropy import entropy


class TokenLog:
    """The tokens of one answer, as the model saw them: before temperature, top_p and the like, as vLLM reports them.

    `logprobs` and `entropies` are in nats; the latter from the `likeliest` most likely tokens and the rest as one.
    """

    def __init__(self, likeliest: int) -> None:
        self._likeliest = likeliest
        self.logprobs: list[float] = []
        self.entropies: list[float] = []

    def note(self, token: int, logits: NDArray[np.float32]) -> None:
        """Take down a token, and the logits (one per word of the vocabulary) that it was sampled from."""
        logprobs = log_softmax(logits.astype(np.float64))
        most = np.partition(logprobs, -self._likeliest)[-self._likeliest :]
        self.logprobs.append(float(logprobs[token]))
        self.entropies.append(entropy(most.tolist()))


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-probabilities from logits, in nats, along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised
