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
# The files that take longest, beside those of integration/: they run, kill and serve whole pipelines, or start engines.
SLOW = frozenset(
    (
        "test_a_model_judges.py",
        "test_agent_trace.py",
        "test_agreed_answers.py",
        "test_code_runs.py",
        "test_code_verifier.py",
        "test_critiques.py",
        "test_docs.py",
        "test_embedded_teacher.py",
        "test_engine_processes.py",
        "test_exported_folder.py",
        "test_former_rows.py",
        "test_fuzz_recipes.py",
        "test_gap_stage.py",
        "test_hostile_run.py",
        "test_hostile_texts.py",
        "test_judge_votes.py",
        "test_killed_anywhere.py",
        "test_large_pushes.py",
        "test_list_page.py",
        "test_lost_machine.py",
        "test_missing_traces.py",
        "test_openai_teacher.py",
        "test_question_pages.py",
        "test_ray_tasks.py",
        "test_recovery.py",
        "test_rounds_resumed.py",
        "test_run_in_bucket.py",
        "test_run_tests.py",
        "test_runs_by_batches.py",
        "test_shared_work.py",
        "test_sources_gone.py",
        "test_stages_on_ray.py",
        "test_sweep.py",
        "test_task_page.py",
        "test_teachers_of_a_recipe.py",
        "test_terminal_output.py",
        "test_wheel.py",
    )
)
SANDBOX = "INFOGAP_SANDBOX"  # set to `required`, a missing sandbox is an error

# How long an example takes depends on what else the machine does: a limit would fail tests at random.
hypothesis.settings.register_profile("infogap", deadline=None)
hypothesis.settings.load_profile("infogap")

# A shell that starts the tests in the background makes them, and the programs that they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first, so that no core waits for them at the end, and before them those of FIRST.

    Mark as slow what `make test` leaves to `make test-slow`.
    """
    items.sort(key=lambda item: (item.path.name not in FIRST, "integration" not in item.path.parts))
    for item in items:
        if "integration" in item.path.parts or item.path.name in SLOW:
            item.add_marker(pytest.mark.slow)


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
