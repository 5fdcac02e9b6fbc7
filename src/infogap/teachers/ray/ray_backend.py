"""The ray backend: what a recipe says of vLLM on the nodes of a Ray cluster, and how it is opened."""

from __future__ import annotations

from math import prod
from typing import Literal

from pydantic import Field

from infogap.teachers.base import Resolve, Teacher
from infogap.teachers.vllm.vllm_backend import OnVllm, VllmSettings


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


class RayBackend(OnVllm[RayTeacher]):
    """Replicas of vLLM's engine. Where they run changes no answer, and is not published."""

    name = "ray"
    settings = RayTeacher

    def open(self, settings: RayTeacher, resolve: Resolve) -> Teacher:
        from infogap.teachers.ray.ray_teacher import RayCluster

        return RayCluster(settings, resolve)


BACKEND = RayBackend()
