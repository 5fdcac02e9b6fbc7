"""Data parallelism: several replicas of a model in one teacher, and what happens when one of them dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap.errors import ExternalError
from infogap.recipe.teacher_section import Sampling
from infogap.teachers.base import Request
from infogap.teachers.vllm.vllm_backend import VllmTeacher
from infogap.teachers.vllm.vllm_teacher import VllmModel
from with_vllm.conftest import ENGINE


@pytest.fixture(scope="module")
def replicas(model_folder: Path) -> Iterator[VllmModel]:
    engine = ENGINE | {"max_num_seqs": 4, "data_parallel_size": 2}
    settings = VllmTeacher(
        backend="vllm", model=str(model_folder), engine=engine, sampling=Sampling(temperature=0.9, max_tokens=24)
    )
    model = VllmModel(settings, Path)
    yield model
    model.close()


def requests(number: int) -> list[Request]:
    return [Request(str(seed), [{"role": "user", "content": f"Tell me about {seed}"}], seed) for seed in range(number)]


def test_both_replicas_answer(replicas: VllmModel) -> None:
    before = _cpu_seconds(replicas)
    found = list(replicas.answer(requests(24)))
    worked = [seconds - before[pid] for pid, seconds in _cpu_seconds(replicas).items()]
    assert len({completion.request_id for completion in found}) == 24
    assert all(completion.error is None and completion.response for completion in found)
    assert len(worked) == 2 and min(worked) > 0.25 * max(worked)


def test_a_dead_engine_is_one_clear_error_after_what_had_finished(replicas: VllmModel) -> None:
    finished = []
    with pytest.raises(ExternalError, match=r"vLLM's engine died: .*; what was finished is on disk; run again"):
        for completion in replicas.answer(requests(60)):
            finished.append(completion)
            if len(finished) == 10:
                os.kill(next(iter(_cpu_seconds(replicas))), signal.SIGKILL)
    assert 10 <= len(finished) < 60


def _cpu_seconds(model: VllmModel) -> dict[int, float]:
    """What each replica has used, its worker included, by its process."""
    engines = [process for process in model._engine._processes() if "EngineCore" in process.name]
    return {process.pid: _used(process.pid) for process in engines if process.pid is not None}


def _used(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(_used(int(child)) for child in children)
