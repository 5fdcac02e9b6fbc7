"""A language model small enough to work out: random weights in a GGUF file, and the same model in NumPy.

One block of Llama's architecture (Touvron et al. 2023, arXiv 2302.13971) over bytes: normalised attention with rotary
positions, then a gated feed-forward layer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BEGIN, END = 256, 257
TEMPLATE = "{% for message in messages %}[{{ message['content'] }}]{% endfor %}"
_WORDS, _WIDTH, _HEADS, _HIDDEN = 258, 64, 2, 96
_EPSILON, _BASE = 1e-5, 10_000.0
_LENGTH = 4096


class TinyModel:
    """The weights, and what they make likely."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)

        def matrix(*shape: int) -> NDArray[np.float32]:
            return random.normal(0, shape[-1] ** -0.5, shape).astype(np.float32)

        self._tensors = {
            "token_embd.weight": matrix(_WORDS, _WIDTH),
            "output_norm.weight": 1 + matrix(_WIDTH),
            "output.weight": matrix(_WORDS, _WIDTH),
            "blk.0.attn_norm.weight": 1 + matrix(_WIDTH),
            "blk.0.attn_q.weight": 2 * matrix(_WIDTH, _WIDTH),
            "blk.0.attn_k.weight": 2 * matrix(_WIDTH, _WIDTH),
            "blk.0.attn_v.weight": matrix(_WIDTH, _WIDTH),
            "blk.0.attn_output.weight": matrix(_WIDTH, _WIDTH),
            "blk.0.ffn_norm.weight": 1 + matrix(_WIDTH),
            "blk.0.ffn_gate.weight": matrix(_HIDDEN, _WIDTH),
            "blk.0.ffn_up.weight": matrix(_HIDDEN, _WIDTH),
            "blk.0.ffn_down.weight": matrix(_WIDTH, _HIDDEN),
        }

    def write(self, path: Path) -> None:
        """As a GGUF file of 32-bit floats."""
        from gguf import GGUFWriter, TokenType

        writer = GGUFWriter(path, "llama")
        writer.add_context_length(_LENGTH)
        writer.add_embedding_length(_WIDTH)
        writer.add_block_count(1)
        writer.add_feed_forward_length(_HIDDEN)
        writer.add_head_count(_HEADS)
        writer.add_layer_norm_rms_eps(_EPSILON)
        writer.add_rope_dimension_count(_WIDTH // _HEADS)
        writer.add_rope_freq_base(_BASE)
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("default")
        writer.add_token_list([*_names_of_bytes(), "<begin>", "<end>"])
        writer.add_token_types([TokenType.NORMAL] * 256 + [TokenType.CONTROL] * 2)
        writer.add_token_merges(["a b"])  # a file needs one; no token `ab` is there to come of it
        writer.add_bos_token_id(BEGIN)
        writer.add_eos_token_id(END)
        writer.add_add_bos_token(False)
        writer.add_chat_template(TEMPLATE)
        for name, tensor in self._tensors.items():
            writer.add_tensor(name, tensor)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def logprobs(self, prompt: list[int], text: list[int]) -> Array:
        """Of each token of the text, after the prompt and what comes before it, in nats."""
        tokens = [*prompt, *text]
        logits = self._logits(tokens)[len(prompt) - 1 : -1]
        shifted = logits - logits.max(axis=1, keepdims=True)
        normalised = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        chosen: Array = normalised[np.arange(len(text)), text]
        return chosen

    def ranks(self, prompt: list[int], text: list[int]) -> list[int]:
        """Where each token of the text stands in the sorted vocabulary, the likeliest at 1."""
        rows = self._logits([*prompt, *text])[len(prompt) - 1 : -1]
        return [sorted(row, reverse=True).index(row[token]) + 1 for row, token in zip(rows, text, strict=True)]

    def _logits(self, tokens: list[int]) -> Array:
        weights = {name: tensor.astype(np.float64) for name, tensor in self._tensors.items()}
        state = weights["token_embd.weight"][tokens]
        normal = _normalised(state, weights["blk.0.attn_norm.weight"])
        queries, keys, values = (
            (normal @ weights[f"blk.0.attn_{name}.weight"].T).reshape(len(tokens), _HEADS, -1) for name in "qkv"
        )
        heads = [_attention(_rotated(queries[:, h]), _rotated(keys[:, h]), values[:, h]) for h in range(_HEADS)]
        state = state + np.concatenate(heads, axis=1) @ weights["blk.0.attn_output.weight"].T
        normal = _normalised(state, weights["blk.0.ffn_norm.weight"])
        gate = normal @ weights["blk.0.ffn_gate.weight"].T
        hidden = gate / (1 + np.exp(-gate)) * (normal @ weights["blk.0.ffn_up.weight"].T)
        state = state + hidden @ weights["blk.0.ffn_down.weight"].T
        logits: Array = _normalised(state, weights["output_norm.weight"]) @ weights["output.weight"].T
        return logits


def tokens_of(text: str) -> list[int]:
    return list(text.encode())


def _normalised(state: Array, weight: Array) -> Array:
    scale = np.sqrt((state**2).mean(axis=1, keepdims=True) + _EPSILON)
    normal: Array = state / scale * weight
    return normal


def _rotated(head: Array) -> Array:
    """Neighbouring pairs of dimensions turned by an angle that grows with the position."""
    size = head.shape[1]
    angles = np.arange(len(head))[:, None] * _BASE ** (-np.arange(0, size, 2) / size)
    even, odd = head[:, 0::2], head[:, 1::2]
    turned = np.empty_like(head)
    turned[:, 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    turned[:, 1::2] = even * np.sin(angles) + odd * np.cos(angles)
    return turned


def _attention(queries: Array, keys: Array, values: Array) -> Array:
    scores = queries @ keys.T / np.sqrt(queries.shape[1])
    scores[np.triu_indices(len(scores), 1)] = -np.inf
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    mixed: Array = shares / shares.sum(axis=1, keepdims=True) @ values
    return mixed


def _names_of_bytes() -> list[str]:
    """What byte-level vocabularies call the bytes: printable ones themselves, the others letters from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]
