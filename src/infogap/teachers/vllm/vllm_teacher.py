"""The vllm teacher: keep vLLM's offline engine full, and yield answers one by one as they finish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np

from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Completion, FinishReason, Request, Resolve
from infogap.teachers.logprobs import entropies
from infogap.teachers.vllm.vllm_backend import VllmSettings, find_folder
from infogap.teachers.vllm.vllm_engine import VllmEngine
from infogap.teachers.vllm.vllm_scoring import AnswerText, PromptError, Prompts
from infogap.text.thoughts import read_parts

_QUEUED = 2  # requests per sequence that the engine processes: when one ends, the next one is there


class VllmModel:
    """A teacher that answers with vLLM, in processes on this machine."""

    def __init__(self, settings: VllmSettings, resolve: Resolve) -> None:
        """Start the engine; `resolve` resolves a path of the recipe on this machine.

        Raises InputError if vLLM, the model or an engine argument is missing or wrong, ExternalError if the engine does
        not start.
        """
        folder = find_folder(settings.model, resolve)
        self.name = folder.name if folder else settings.model
        self._settings = settings
        self._engine = VllmEngine(str(folder or settings.model), settings.engine)
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
