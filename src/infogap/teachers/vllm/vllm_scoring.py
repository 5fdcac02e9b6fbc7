"""Score texts with vLLM's engine, by its log-probabilities of prompts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Resolve
from infogap.teachers.scoring import Scored, TextToScore
from infogap.teachers.vllm.vllm_backend import VllmSettings, find_folder
from infogap.teachers.vllm.vllm_engine import VllmEngine
from infogap.teachers.vllm.vllm_tokens import PromptError, Prompts
from infogap.text.thoughts import OPENING

# A row of logits over the whole vocabulary per token: 150,000 words take 0.6 MB in float32, 10,000 tokens 6 GB, which
# no engine has left. So no step of the engine computes more than these.
TOKENS_AT_ONCE = 1024
SEQUENCES_AT_ONCE = 64  # enough to fill a step


class VllmScorer:
    """A scorer on an engine of its own, which takes smaller steps than a teacher's."""

    def __init__(self, settings: VllmSettings, resolve: Resolve) -> None:
        """Start the engine; as VllmModel does, and with the same errors."""
        folder = find_folder(settings.model, resolve)
        self.name = folder.name if folder else settings.model
        self._engine = VllmEngine(str(folder or settings.model), settings.engine | _in_small_steps(settings.engine))
        self._prompts = Prompts(self._engine.llm, settings.chat_template_kwargs)

    def score(self, texts: Iterable[TextToScore]) -> Iterator[Scored]:
        """Score every text, in the order in which they finish. Raises ExternalError where the engine dies."""
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
        longest = self._engine.context_length - 1  # a token is always generated, and thrown away
        if len(prompt) + len(tokens) > longest:
            message = f"prompt and text of {len(prompt) + len(tokens)} tokens do not fit in the context of {longest}"
            return Scored.failed(wanted, message)
        if not tokens:
            return Scored.failed(wanted, "there is no text")
        sampling = SamplingParams(
            temperature=0,
            max_tokens=1,
            prompt_logprobs=0,  # of the token that is there, and no other
            flat_logprobs=True,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        asked = TokensPrompt(prompt_token_ids=[*prompt, *tokens])
        try:
            async for output in self._engine.llm.generate(asked, sampling, wanted.key):
                scores = output.prompt_logprobs.logprobs  # without the first token, which follows none
        except (VLLMClientError, EngineGenerateError) as error:
            return Scored.failed(wanted, f"vLLM refuses the text: {error.__cause__ or error}")
        logprobs = scores[len(prompt) - 1 :] if prompt else [math.nan, *scores]
        return Scored(wanted.key, tokens, logprobs, [begun + offset for offset in offsets])


def _in_small_steps(engine: dict[str, Any]) -> dict[str, Any]:
    """Bound a step by engine arguments; narrower bounds of the recipe stay."""
    tokens = min(engine.get("max_num_batched_tokens") or TOKENS_AT_ONCE, TOKENS_AT_ONCE)
    sequences = min(engine.get("max_num_seqs") or SEQUENCES_AT_ONCE, SEQUENCES_AT_ONCE, tokens)
    return {"enable_chunked_prefill": True, "max_num_batched_tokens": tokens, "max_num_seqs": sequences}
