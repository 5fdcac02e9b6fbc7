"""What tests of several packages share."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from infogap.charts import drawing
from infogap.recipe.teacher_section import Sampling
from infogap.teachers.embedded.embedded_backend import EmbeddedTeacher
from infogap.teachers.embedded.embedded_teacher import EmbeddedModel
from infogap.verify.programs import bubblewrap
from runs.pipeline_end import ending_with
from servers.model_server import model_app
from servers.scripted import ScriptedServer
from servers.serve import serve

SERVED_MODEL = "smollm2"
# On two cores, one compiles the kernels while on the other the model writes: otherwise both would compile them.
FIRST = ("test_batches_killed.py", "test_kim2026_recipes.py")
SANDBOX = "INFOGAP_SANDBOX"  # set to `required`, a missing sandbox is an error

# How long an example takes depends on what else the machine does: a limit would fail tests at random.
hypothesis.settings.register_profile("infogap", deadline=None)
hypothesis.settings.load_profile("infogap")

# A shell that starts the tests in the background makes them, and the programs that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that no core waits for them at the end, and before them those of FIRST."""
    items.sort(key=lambda item: (item.path.name not in FIRST, "integration" not in item.path.parts))


@pytest.fixture(scope="session")
def embedded_model() -> Iterator[EmbeddedModel]:
    """The real small model, with short answers. Mark tests that use it with `pytest.mark.model`."""
    settings = EmbeddedTeacher(
        backend="embedded",
        threads=1,
        context_length=1024,
        sampling=Sampling(temperature=0.8, top_p=0.95, max_tokens=16),
    )
    model = EmbeddedModel(settings, Path)
    yield model
    model.close()


@pytest.fixture(scope="session")
def model_server(embedded_model: EmbeddedModel) -> Iterator[str]:
    """The real small model behind a chat-completions server, as the model `smollm2`: its base URL with /v1."""
    with serve(model_app(embedded_model, SERVED_MODEL)) as url:
        yield f"{url}/v1"


@pytest.fixture(scope="session")
def sandbox() -> None:
    """Skip tests that run programs where bubblewrap cannot make a sandbox."""
    if problem := bubblewrap.problem():
        if os.environ.get(SANDBOX) == "required":
            pytest.fail(problem)
        pytest.skip(problem)


@pytest.fixture
def up_to_the_mix() -> Iterator[None]:
    """End the pipeline with the mix: nothing of the test looks at the dataset and the report."""
    with ending_with("infogap.balance"):
        yield


@pytest.fixture
def up_to_the_dataset() -> Iterator[None]:
    """End the pipeline with the dataset, without the report."""
    with ending_with("infogap.publish"):
        yield


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish and report as where matplotlib is missing: charts take long, and the test looks at none."""
    monkeypatch.setattr(drawing, "available", lambda: False)


@pytest.fixture
def serving() -> Iterator[Callable[[ScriptedServer], str]]:
    """Serves scripted servers until the test ends: each call gives the base URL with /v1."""
    with ExitStack() as stack:
        yield lambda server: f"{stack.enter_context(serve(server.app))}/v1"
