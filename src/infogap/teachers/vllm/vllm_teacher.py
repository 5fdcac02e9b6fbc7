"""The vllm teacher: render prompts, keep vLLM's offline engine full, and read the answers as they finish."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np

from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Completion, FinishReason, Request, Resolve
from infogap.teachers.logprobs import entropies
from infogap.teachers.scorer import offsets_of
from infogap.teachers.vllm.vllm_backend import VllmSettings, find_model
from infogap.teachers.vllm.vllm_engine import VllmEngine
from infogap.text.thought_tags import is_tag
from infogap.text.thoughts import opens_thought, read_parts

_QUEUED = 2  # requests per sequence that the engine processes: when one ends, the next one is there
_TAIL = 8  # tokens of a prompt's end that hold an opening tag and the white space after it


class VllmModel:
    """A teacher that answers with vLLM, in processes on this machine."""

    def __init__(self, settings: VllmSettings, resolve: Resolve) -> None:
        """Start the engine; `resolve` resolves a path of the recipe on this machine.

        Raises InputError if vLLM, the model or an engine argument is missing or wrong, ExternalError if the engine does
        not start.
        """
        self.name, model = find_model(settings.model, resolve)
        self._settings = settings
        self._engine = VllmEngine(model, settings.engine)
        self._prompts = Prompts(self._engine.llm, settings.chat_template_kwargs)
        self._text = AnswerText(self._engine.llm.get_tokenizer())

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, as the answers come in; twice as many are in flight as the engine processes at once.

        Raises ExternalError if the engine dies.
        """
        return coroutines_as_finished(requests, VllmModel.complete, lambda: nullcontext(self), self.at_once)

    @property
    def at_once(self) -> int:
        """The number of requests that keep the engine full."""
        return _QUEUED * self._engine.max_num_seqs

    async def complete(self, request: Request) -> Completion:
        """Answer one request. Raises ExternalError if the engine dies."""
        return await self._engine.on_its_loop(self._generate(request))

    def close(self) -> None:
        """Shut the engine down."""
        self._engine.close()

    async def _generate(self, request: Request) -> Completion:
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineGenerateError

        try:
            rendered = await self._prompts.render(request.messages)
        except PromptError as error:
            return Completion.failed(request, str(error))
        prompt: list[int] = rendered["prompt_token_ids"]
        room = self._engine.context_length - len(prompt)
        if room < 1:
            message = f"prompt of {len(prompt)} tokens does not fit in the context of {self._engine.context_length}"
            return Completion.failed(request, message, "too_long")
        try:
            async for output in self._engine.llm.generate(rendered, self._sampling(request, room), request.request_id):
                final = output.outputs[0]
        except (VLLMClientError, EngineGenerateError) as error:
            return Completion.failed(request, f"vLLM refuses the request: {error.__cause__ or error}")
        if final.finish_reason not in {"stop", "length"}:
            return Completion.failed(request, f"vLLM gave the request up ({final.finish_reason})")
        return self._completion(request, prompt, final)

    def _sampling(self, request: Request, room: int) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        sampling = self._settings.sampling
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k or 0,
            min_p=sampling.min_p or 0.0,
            max_tokens=min(sampling.max_tokens, room),
            stop=sampling.stop,
            seed=request.seed,
            logprobs=self._settings.logprobs,
            flat_logprobs=True,
            skip_special_tokens=not self._text.has_special_tags,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _completion(self, request: Request, prompt: list[int], output: Any) -> Completion:
        finish: FinishReason = output.finish_reason
        opened = self._prompts.opens_thought(prompt)
        parts = read_parts(self._text.of(output), truncated=finish == "length", opened=opened)
        logprobs, undecided = None, None
        if self._settings.logprobs is not None:
            # Per token: the sampled one, then the most likely ones.
            table = np.array(output.logprobs.logprobs).reshape(len(output.token_ids), self._settings.logprobs + 1)
            logprobs, undecided = table[:, 0].tolist(), entropies(table[:, 1:]).tolist()
        return Completion(
            request.request_id,
            parts.reasoning,
            parts.response,
            finish,
            len(prompt),
            len(output.token_ids),
            token_logprobs=logprobs,
            token_entropies=undecided,
            tags=parts.tags,
        )


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


class PromptError(Exception):
    """The model's chat template refuses the messages."""
