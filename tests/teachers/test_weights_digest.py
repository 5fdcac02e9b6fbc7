"""A model's folder is known by what is in it, without reading gigabytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from infogap.teachers.model_identity import folder_digest

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
