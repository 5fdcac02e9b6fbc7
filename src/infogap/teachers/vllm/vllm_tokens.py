"""From messages to the tokens that vLLM reads, by the model's chat template; from its tokens to an answer's text."""

from __future__ import annotations

import dataclasses
from typing import Any

from infogap.teachers.scoring import offsets_of
from infogap.text.thought_tags import is_tag
from infogap.text.thoughts import opens_thought

_TAIL = 8  # tokens of a prompt's end that hold an opening tag and the white space after it


class PromptError(Exception):
    """The model's chat template refuses the messages."""


class Prompts:
    """Renders prompts for one engine, exactly as `LLM.chat` does."""

    def __init__(self, llm: Any, chat_template_kwargs: dict[str, Any]) -> None:
        from vllm.renderers import ChatParams
        from vllm.tokenizers.mistral import MistralTokenizer

        self._renderer = llm.renderer
        self._tokenizer = llm.get_tokenizer()
        own = {
            "add_generation_prompt": True,
            "continue_final_message": False,
            "tools": None,
            "tokenize": isinstance(self._tokenizer, MistralTokenizer),
        }
        self._chat = ChatParams(chat_template_kwargs=chat_template_kwargs | own)
        tokenizing = self._renderer.default_chat_tok_params.with_kwargs(add_special_tokens=False)
        # Without the limit, which would make an exception of every prompt that is too long.
        self._tokenizing = dataclasses.replace(tokenizing, max_total_tokens=None)

    async def render(self, messages: list[dict[str, str]]) -> Any:
        """Render the engine's input: a mapping with `prompt_token_ids`. Raises PromptError."""
        try:
            _, (rendered,) = await self._renderer.render_chat_async([messages], self._chat, self._tokenizing)
        except Exception as error:  # the template is the model's own code: it may raise anything
            raise PromptError(f"the model's chat template refuses the messages: {error}") from error
        return rendered

    def opens_thought(self, tokens: list[int]) -> bool:
        """Tell whether a prompt ends with the opening tag, so that the model's text begins inside a thought."""
        tail: str = self._tokenizer.decode(tokens[-_TAIL:])
        return opens_thought(tail)

    async def prompt_tokens(self, messages: list[dict[str, str]] | None) -> list[int]:
        """Tokenize a prompt as the engine reads it; without messages, the begin-of-text token, if the model has one."""
        if messages is None:
            begin: int | None = self._tokenizer.bos_token_id
            return [] if begin is None else [begin]
        tokens: list[int] = (await self.render(messages))["prompt_token_ids"]
        return tokens

    def tokens_of(self, text: str) -> tuple[list[int], list[int]]:
        """Tokenize a text as a model would have written it; gives the character at which each token begins, too."""
        if getattr(self._tokenizer, "is_fast", False):
            encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            return encoded["input_ids"], [start for start, _ in encoded["offset_mapping"]]
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens, offsets_of(text, (self._tokenizer.decode([token]) for token in tokens))


class AnswerText:
    """Reads answers: special tokens have no text, except for the tags of a thought.

    Where the tags are special tokens, vLLM would drop them with the others: it must keep all
    (`skip_special_tokens=False`), and the others are dropped here.
    """

    def __init__(self, tokenizer: Any) -> None:
        special = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
        added = getattr(tokenizer, "added_tokens_decoder", {})  # where also those without a role such as `eos` are
        special |= {number: token.content for number, token in added.items() if token.special}
        self.has_special_tags = any(is_tag(text) for text in special.values())
        self._without_text = {number for number, text in special.items() if not is_tag(text)}
        self._tokenizer = tokenizer

    def of(self, output: Any) -> str:
        """Read the text of vLLM's `CompletionOutput`, up to the text that ended it."""
        text: str = output.text
        # The token that ends an answer is not in the text.
        if not self.has_special_tags or self._without_text.isdisjoint(output.token_ids[:-1]):
            return text
        kept = [token for token in output.token_ids if token not in self._without_text]
        decoded: str = self._tokenizer.decode(kept, skip_special_tokens=False)
        stop = output.stop_reason
        return decoded.partition(stop)[0] if isinstance(stop, str) else decoded
