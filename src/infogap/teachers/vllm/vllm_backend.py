"""The vllm backend: vLLM's engine on this machine, its settings in a recipe, and how it is opened."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field

from infogap.errors import InputError
from infogap.recipe.measure_section import ScorerSettings
from infogap.recipe.teacher_section import AnyTeacher, Logprobs, Sampling, as_json, where_given
from infogap.teachers.base import Backend, Resolve, Teacher
from infogap.teachers.model_identity import folder_identity
from infogap.teachers.scorer import Scorer

# Engine arguments of vLLM that decide where and how fast it runs. All others are part of every answer's identity.
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


class VllmSettings(AnyTeacher):
    """vLLM's settings, wherever it runs: equal settings give the same answers."""

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
        """What determines an answer besides the model and the prompt: part of every request's identity."""
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
        return where_given(settings, logprobs=self.logprobs)


class VllmTeacher(VllmSettings):
    """A model on this machine, by vLLM's offline engine."""

    backend: Literal["vllm"]


class VllmScorerModel(ScorerSettings):
    """A model on this machine, by vLLM's offline engine."""

    backend: Literal["vllm"]
    model: str = Field(min_length=1, description="A model of the Hub, or a folder.")
    engine: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field({}, description="vLLM's engine arguments.")
    chat_template_kwargs: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(
        {}, description="What the model's chat template takes, such as enable_thinking."
    )


Settings = TypeVar("Settings", bound=VllmSettings)


class OnVllm(Backend[Settings]):
    """The parts of a backend that are the same wherever vLLM runs. Scoring always uses an engine on this machine."""

    public_keys = ("engine", "chat_template_kwargs")
    path_keys = ("engine",)

    def open_scorer(self, settings: Settings, resolve: Resolve) -> Scorer:
        from infogap.teachers.vllm.vllm_scoring import VllmScorer

        return VllmScorer(settings, resolve)

    def missing(self) -> str | None:
        return None if find_spec("vllm") else "vllm; pip install 'infogap[vllm]'"

    def model_name(self, settings: Settings, resolve: Resolve) -> str:
        return find_model(settings.model, resolve)[0]

    def identity(self, settings: Settings, resolve: Resolve) -> dict[str, Any]:
        """Return the digest of a model's folder; empty for a name on the Hub."""
        return folder_identity(resolve(settings.model))

    def scorer_identity(self, settings: Settings, resolve: Resolve) -> dict[str, Any]:
        shaping = {
            key: value
            for key, value in settings.answer_settings.items()
            if key in ("engine", "chat_template_kwargs") and value
        }
        return {"backend": "vllm", "model": settings.model, **shaping, **self.identity(settings, resolve)}

    def public(self, settings: Settings, written: dict[str, Any]) -> dict[str, Any]:
        """Publish no engine arguments that decide where and how fast vLLM runs."""
        return super().public(settings, written) | {"engine": settings.answer_settings["engine"]}


class VllmBackend(OnVllm[VllmTeacher]):
    """vLLM's offline engine."""

    name = "vllm"
    settings = VllmTeacher
    scorer_settings = VllmScorerModel

    def open(self, settings: VllmTeacher, resolve: Resolve) -> Teacher:
        from infogap.teachers.vllm.vllm_teacher import VllmModel

        return VllmModel(settings, resolve)


def find_model(model: str, resolve: Resolve) -> tuple[str, str]:
    """Return a model's name in the traces, and what vLLM loads: the model's folder, or its name on the Hub.

    Raises InputError if the recipe's `model` can only be a path and there is no such folder.
    """
    path = resolve(model)
    if path.is_dir():
        return path.name, str(path)
    if model.startswith(("/", "./", "../", "~")) or model.count("/") > 1:
        raise InputError(f"there is no model folder {path}")
    return model, model


BACKEND = VllmBackend()
