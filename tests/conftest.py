"""What tests of several packages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap.recipe.teacher import EmbeddedTeacher, Sampling
from infogap.teachers.embedded import EmbeddedModel

MODEL_SETTINGS = EmbeddedTeacher(
    backend="embedded",
    threads=1,
    context_length=1024,
    sampling=Sampling(temperature=0.8, top_p=0.95, max_tokens=16),
)


@pytest.fixture(scope="session")
def embedded_model() -> Iterator[EmbeddedModel]:
    """The real small model, with short answers. Mark tests that use it with `pytest.mark.model`."""
    pytest.importorskip("llama_cpp")
    model = EmbeddedModel(MODEL_SETTINGS, Path)
    yield model
    model.close()
