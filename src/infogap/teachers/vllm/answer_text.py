"""The text of an answer of vLLM, with the tags of a thought where a tokenizer counts them as special."""

from __future__ import annotations

from typing import Any

from infogap.text.thought_tags import is_tag


class AnswerText:
    """Reads answers: special tokens have no text, but for the tags of a thought.

    Where the tags are special tokens vLLM would leave them out with the others; it must be asked to keep all
    (`skip_special_tokens=False`), and the others are left out here.
    """

    def __init__(self, tokenizer: Any) -> None:
        special = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
        added = getattr(tokenizer, "added_tokens_decoder", {})  # where also those without a role such as `eos` are
        special |= {number: token.content for number, token in added.items() if token.special}
        self.has_special_tags = any(is_tag(text) for text in special.values())
        self._without_text = {number for number, text in special.items() if not is_tag(text)}
        self._tokenizer = tokenizer

    def of(self, output: Any) -> str:
        """The text of vLLM's `CompletionOutput`, cut at the text that ended it."""
        text: str = output.text
        # The token that ends an answer is not in the text.
        if not self.has_special_tags or self._without_text.isdisjoint(output.token_ids[:-1]):
            return text
        kept = [token for token in output.token_ids if token not in self._without_text]
        decoded: str = self._tokenizer.decode(kept, skip_special_tokens=False)
        stop = output.stop_reason
        return decoded.partition(stop)[0] if isinstance(stop, str) else decoded
