"""llama.cpp's C interface: found, of the release that it was declared for, quiet."""

from __future__ import annotations

import _ctypes
import sys

import numpy as np
import pytest

from infogap.errors import InputError
from infogap.teachers.embedded import llama_library
from infogap.teachers.logprobs import log_softmax


@pytest.fixture
def anew() -> None:
    """The library is loaded once per process; here as if for the first time."""
    llama_library._loaded.cache_clear()


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("missing", ["cffi", "xllamacpp"])
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=rf"needs {missing}; pip install 'infogap\[embedded\]'"):
        llama_library.llama_library()


@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize(("struct", "name"), [("_MODEL_DEFAULTS", "split_mode"), ("_CONTEXT_DEFAULTS", "type_v")])
def test_structs_of_another_layout_are_refused(monkeypatch: pytest.MonkeyPatch, struct: str, name: str) -> None:
    monkeypatch.setattr(llama_library, struct, {name: 77})
    with pytest.raises(InputError, match=rf"lays out llama_\w+_params differently \({name}\)"):
        llama_library.llama_library()


@pytest.mark.usefixtures("anew")
def test_extension_that_exports_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xllamacpp.xllamacpp.__file__", _ctypes.__file__, raising=False)
    with pytest.raises(InputError, match="runs on Linux and macOS, elsewhere use `backend: openai`"):
        llama_library.llama_library()


def test_log_softmax_is_normalised_also_where_exponentials_overflow() -> None:
    logits = np.random.default_rng(0).normal(0, 300, (4, 1000))
    found = log_softmax(logits)
    assert np.allclose(np.exp(found).sum(axis=1), 1)
    assert np.allclose(found - found[:, :1], logits - logits[:, :1])
