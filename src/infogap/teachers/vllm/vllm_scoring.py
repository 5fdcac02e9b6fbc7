"""Score texts with vLLM's engine, which gives log-probabilities of prompts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Resolve
from infogap.teachers.scorer import Scored, TextToScore
from infogap.teachers.vllm.vllm_backend import VllmSettings, find_model
from infogap.teachers.vllm.vllm_engine import VllmEngine
from infogap.teachers.vllm.vllm_teacher import PromptError, Prompts
from infogap.text.thoughts import OPENING

# Each token needs a row of logits over the whole vocabulary: 0.6 MB for 150,000 words in float32. 10,000 tokens take
# 6 GB, which no engine has to spare. So no step of the engine computes more than these.
TOKENS_AT_ONCE = 1024
SEQUENCES_AT_ONCE = 64  # enough to fill a step


class VllmScorer:
    """A scorer on an engine of its own, which takes smaller steps than a teacher's."""

    def __init__(self, settings: VllmSettings, resolve: Resolve) -> None:
        """Start the engine as VllmModel does, with the same errors."""
        self.name, model = find_model(settings.model, resolve)
        self._engine = VllmEngine(model, settings.engine | _in_small_steps(settings.engine))
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
        whole = TokensPrompt(prompt_token_ids=[*prompt, *tokens])
        try:
            async for output in self._engine.llm.generate(whole, sampling, wanted.key):
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
