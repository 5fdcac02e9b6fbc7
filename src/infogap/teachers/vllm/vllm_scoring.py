"""Score texts with vLLM's engine, which gives log-probabilities of prompts; render prompts and read answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Resolve
from infogap.teachers.logprobs import Scored, TextToScore, offsets_of
from infogap.teachers.vllm.vllm_backend import VllmSettings, find_folder
from infogap.teachers.vllm.vllm_engine import VllmEngine
from infogap.text.thought_tags import is_tag
from infogap.text.thoughts import OPENING, opens_thought

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
        # No limit, which would raise an exception for every prompt that is too long.
        self._tokenizing = dataclasses.replace(tokenizing, max_total_tokens=None)

    async def render(self, messages: list[dict[str, str]]) -> Any:
        """Render the engine's input, a mapping with `prompt_token_ids`. Raises PromptError."""
        try:
            _, (rendered,) = await self._renderer.render_chat_async([messages], self._chat, self._tokenizing)
        except Exception as error:  # the template is the model's own code: it may raise anything
            raise PromptError(f"the model's chat template refuses the messages: {error}") from error
        return rendered

    def opens_thought(self, tokens: list[int]) -> bool:
        """Return True if a prompt ends with the opening tag, so that the model's text begins inside a thought."""
        tail: str = self._tokenizer.decode(tokens[-_TAIL:])
        return opens_thought(tail)

    async def prompt_tokens(self, messages: list[dict[str, str]] | None) -> list[int]:
        """Tokenize a prompt as the engine does; without messages, return the model's begin-of-text token, if any."""
        if messages is None:
            begin: int | None = self._tokenizer.bos_token_id
            return [] if begin is None else [begin]
        tokens: list[int] = (await self.render(messages))["prompt_token_ids"]
        return tokens

    def tokens_of(self, text: str) -> tuple[list[int], list[int]]:
        """Tokenize a text as a model would have written it; also return the character at which each token begins."""
        if getattr(self._tokenizer, "is_fast", False):
            encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
            return encoded["input_ids"], [start for start, _ in encoded["offset_mapping"]]
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return tokens, offsets_of(text, (self._tokenizer.decode([token]) for token in tokens))


class AnswerText:
    """Reads the text of answers, without special tokens except for the tags of a thought.

    If the tags are special tokens, vLLM would drop them with all others. So it must keep all of them
    (`skip_special_tokens=False`), and the others are dropped here.
    """

    def __init__(self, tokenizer: Any) -> None:
        special = dict(zip(tokenizer.all_special_ids, tokenizer.all_special_tokens, strict=True))
        added = getattr(tokenizer, "added_tokens_decoder", {})  # includes those without a role such as `eos`
        special |= {number: token.content for number, token in added.items() if token.special}
        self.has_special_tags = any(is_tag(text) for text in special.values())
        self._without_text = {number for number, text in special.items() if not is_tag(text)}
        self._tokenizer = tokenizer

    def of(self, output: Any) -> str:
        """Return the text of vLLM's `CompletionOutput`, up to the stop text that ended it."""
        text: str = output.text
        # The token that ends an answer is not in the text.
        if not self.has_special_tags or self._without_text.isdisjoint(output.token_ids[:-1]):
            return text
        kept = [token for token in output.token_ids if token not in self._without_text]
        decoded: str = self._tokenizer.decode(kept, skip_special_tokens=False)
        stop = output.stop_reason
        return decoded.partition(stop)[0] if isinstance(stop, str) else decoded


# Each token needs a row of logits over the whole vocabulary: 0.6 MB for 150,000 words in float32. 10,000 tokens take
# 6 GB, which no engine has to spare. So no step of the engine computes more than these.
TOKENS_AT_ONCE = 1024
SEQUENCES_AT_ONCE = 64  # enough to fill a step


class VllmScorer:
    """A scorer on an engine of its own, which takes smaller steps than a teacher's."""

    def __init__(self, settings: VllmSettings, resolve: Resolve) -> None:
        """Start the engine as VllmModel does, with the same errors."""
        folder = find_folder(settings.model, resolve)
        self.name = folder.name if folder else settings.model
        self._engine = VllmEngine(str(folder or settings.model), settings.engine | _in_small_steps(settings.engine))
        self._prompts = Prompts(self._engine.llm, settings.chat_template_kwargs)

    def score(self, texts: Iterable[TextToScore]) -> Iterator[Scored]:
        """Score every text, in the order in which they finish. Raises ExternalError if the engine dies."""
        return coroutines_as_finished(texts, self._score, lambda: nullcontext(self._engine), self._engine.max_num_seqs)

    def close(self) -> None:
        """Shut the engine down."""
        self._engine.close()

    async def _score(self, engine: VllmEngine, text: TextToScore) -> Scored:
        return await engine.on_its_loop(self._prompt_logprobs(text))

    async def _prompt_logprobs(self, wanted: TextToScore) -> Scored:
        from vllm import SamplingParams, TokensPrompt
        from vllm.exceptions import VLLMClientError
        from vllm.sampling_params import RequestOutputKind
        from vllm.v1.engine.exceptions import EngineGenerateError

        try:
            prompt = await self._prompts.prompt_tokens(wanted.messages)
        except PromptError as error:
            return Scored.failed(wanted, str(error))
        begun = len(OPENING) if self._prompts.opens_thought(prompt) and wanted.text.startswith(OPENING) else 0
        tokens, offsets = self._prompts.tokens_of(wanted.text[begun:])
        longest = self._engine.context_length - 1  # one token is always generated, and ignored
        if len(prompt) + len(tokens) > longest:
            message = f"prompt and text of {len(prompt) + len(tokens)} tokens do not fit in the context of {longest}"
            return Scored.failed(wanted, message)
        if not tokens:
            return Scored.failed(wanted, "there is no text")
        sampling = SamplingParams(
            temperature=0,
            max_tokens=1,
            prompt_logprobs=0,  # of the actual token only
            flat_logprobs=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        asked = TokensPrompt(prompt_token_ids=[*prompt, *tokens])
        try:
            async for output in self._engine.llm.generate(asked, sampling, wanted.key):
                scores = output.prompt_logprobs  # not of the first token, which follows nothing
        except (VLLMClientError, EngineGenerateError) as error:
            return Scored.failed(wanted, f"vLLM refuses the text: {error.__cause__ or error}")
        logprobs, ranks = (
            values[len(prompt) - 1 :] if prompt else [of_first, *values]
            for values, of_first in ((scores.logprobs, math.nan), (scores.ranks, 0))
        )
        in_vocabulary = None if None in ranks else ranks
        return Scored(wanted.key, tokens, logprobs, [begun + offset for offset in offsets], ranks=in_vocabulary)


def _in_small_steps(engine: dict[str, Any]) -> dict[str, Any]:
    """Return engine arguments that bound a step; tighter bounds in the recipe are kept."""
    tokens = min(engine.get("max_num_batched_tokens") or TOKENS_AT_ONCE, TOKENS_AT_ONCE)
    sequences = min(engine.get("max_num_seqs") or SEQUENCES_AT_ONCE, SEQUENCES_AT_ONCE, tokens)
    return {"enable_chunked_prefill": True, "max_num_batched_tokens": tokens, "max_num_seqs": sequences}
