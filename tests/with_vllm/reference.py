"""Log-probabilities by transformers: another implementation of the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class Reference:
    """The same model by transformers."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    def score(self, messages: list[dict[str, str]] | None, text: str, *, begun: bool = True) -> list[float]:
        """Of every token; without messages after the begin-of-text token, or, not `begun`, from the second token on."""
        logprobs, tokens = self._logprobs(messages, text, begun=begun)
        found: list[float] = logprobs[torch.arange(len(tokens)), torch.tensor(tokens)].tolist()
        return found

    def ranks(self, messages: list[dict[str, str]], text: str) -> list[int]:
        """How many tokens are as likely as the text's own, itself among them, at each of its places."""
        logprobs, tokens = self._logprobs(messages, text, begun=True)
        return [int((row >= row[token]).sum()) for row, token in zip(logprobs, tokens, strict=True)]

    def _logprobs(
        self, messages: list[dict[str, str]] | None, text: str, *, begun: bool
    ) -> tuple[torch.Tensor, list[int]]:
        prompt = [self.tokenizer.bos_token_id] if begun else []
        if messages is not None:
            shown = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            prompt = self.tokenizer.encode(shown, add_special_tokens=False)
        tokens = self.tokenizer.encode(text, add_special_tokens=False)
        if not prompt:
            prompt, tokens = tokens[:1], tokens[1:]
        with torch.inference_mode():
            logits = self.model(torch.tensor([prompt + tokens])).logits[0, len(prompt) - 1 : -1]
        return torch.log_softmax(logits, dim=-1), tokens
