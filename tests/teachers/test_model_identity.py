"""A model that is a path is known by its content: a file's bytes, a folder's configuration and some of its weights."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from infogap.generate import STAGE
from infogap.generate.request_plan import Plan
from infogap.recipe import load_recipe
from infogap.runs.pipeline import states
from infogap.runs.run_folder import Run
from infogap.schema import TASKS
from infogap.teachers import model_identity as identity
from infogap.teachers.model_identity import folder_digest, model_identity

_REST = "tasks: [{from: tasks.jsonl}]\ngenerate: {samples: 1, privileges: [unguided]}\n"


def run_of(folder: Path, teacher: str) -> Run:
    (folder / "recipe.yaml").write_text(f"name: demo\nteacher: {teacher}\n{_REST}")
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    task = dict.fromkeys(TASKS.schema.names()) | {"task_id": "t", "family": "f", "question": "1?", "verifier": "math"}
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([task]))
    return run


def ids_of(run: Run) -> list[str]:
    return [planned.request.request_id for planned in Plan(run)]


def files_of(run: Run) -> dict[str, Any]:
    assert run.recipe.teacher is not None
    return model_identity(run.recipe.teacher, run.resolve)


def test_another_file_of_the_same_name_is_asked_anew(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF one")
    run = run_of(tmp_path, "{backend: embedded, model: model.gguf}")
    before, part = ids_of(run), STAGE.part(run)
    assert (ids_of(run), STAGE.part(run)) == (before, part)
    (tmp_path / "model.gguf").write_bytes(b"GGUF two, longer")
    assert ids_of(run) != before
    assert STAGE.part(run) != part


def test_the_same_file_elsewhere_is_asked_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF one")
    before = ids_of(run_of(tmp_path, "{backend: embedded, model: model.gguf}"))
    (tmp_path / "models").mkdir()
    (tmp_path / "model.gguf").rename(tmp_path / "models" / "model.gguf")
    assert ids_of(run_of(tmp_path, "{backend: embedded, model: models/model.gguf}")) == before


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF once")
    run = run_of(tmp_path, "{backend: embedded, model: model.gguf}")
    found = files_of(run)
    monkeypatch.setattr(identity, "file_digest", None)
    assert files_of(run) == found
    assert found["model_file"]["bytes"] == 9


def test_another_model_in_the_same_folder_is_asked_anew(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    run = run_of(tmp_path, "{backend: vllm, model: model}")
    before = STAGE.part(run)
    assert STAGE.part(run) == before
    (tmp_path / "model" / "chat_template.jinja").write_text("{{ messages }}")
    assert STAGE.part(run) != before


@pytest.mark.parametrize(
    "teacher",
    [
        "{backend: embedded}",
        "{backend: openai, model: model.gguf, base_url: 'http://localhost:1/v1'}",
        "{backend: embedded, model: gone.gguf}",
        "{backend: vllm, model: org/name}",
    ],
)
def test_models_without_a_file_of_ones_own_are_known_by_name(tmp_path: Path, teacher: str) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert files_of(run_of(tmp_path, teacher)) == {}


def test_a_run_whose_model_has_gone_still_has_a_state(tmp_path: Path) -> None:
    run = run_of(tmp_path, "{backend: embedded, model: gone.gguf}")
    assert STAGE.part(run)["teacher"]["model"] == "gone.gguf"
    assert {state.state for state in states(run)} == {"missing"}


# Folders, known without reading gigabytes

_TENSOR = 1 << 20


def write_model(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "README.md").write_text("A model.")
    offsets = [(number * _TENSOR, (number + 1) * _TENSOR) for number in range(3)]
    header = orjson.dumps(
        {f"layer.{number}": {"dtype": "U8", "data_offsets": list(span)} for number, span in enumerate(offsets)}
    )
    weights = struct.pack("<Q", len(header)) + header + bytes(3 * _TENSOR)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "old.bin").write_bytes(bytes(3 * _TENSOR))


def overwrite(path: Path, offset_from_end: int) -> None:
    with path.open("r+b") as file:
        file.seek(-offset_from_end, 2)
        file.write(b"trained")


CHANGES: dict[str, Callable[[Path], object]] = {
    "configuration": lambda folder: (folder / "config.json").write_text("{}"),
    "template": lambda folder: (folder / "chat_template.jinja").write_text("{{ messages }}<think>"),
    "first tensor": lambda folder: overwrite(folder / "model.safetensors", 3 * _TENSOR),
    "last tensor": lambda folder: overwrite(folder / "model.safetensors", _TENSOR),
    "middle of a file": lambda folder: overwrite(folder / "old.bin", 3 * _TENSOR // 2),
    "shorter": lambda folder: (folder / "old.bin").write_bytes(bytes(_TENSOR)),
    "damaged": lambda folder: (folder / "model.safetensors").write_bytes(b"torn"),
    "gone": lambda folder: (folder / "old.bin").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_model_has_another_digest(tmp_path: Path, change: str) -> None:
    write_model(tmp_path / "model")
    before = folder_digest(tmp_path / "model")
    CHANGES[change](tmp_path / "model")
    assert folder_digest(tmp_path / "model") != before


def test_the_same_model_elsewhere_has_the_same_digest(tmp_path: Path) -> None:
    write_model(tmp_path / "one")
    write_model(tmp_path / "two")
    (tmp_path / "two" / "README.md").write_text("Something else, that is no part of the model.")
    assert folder_digest(tmp_path / "one") == folder_digest(tmp_path / "two")


def test_little_is_read(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with (tmp_path / "model" / "pytorch_model.bin").open("wb") as file:
        file.truncate(1 << 40)  # a sparse terabyte, which nobody reads in a test
    assert len(folder_digest(tmp_path / "model")) == 64
