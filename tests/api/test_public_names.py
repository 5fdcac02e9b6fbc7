"""`import infogap`: fast, typed, and everything that it names is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import infogap


def test_every_public_name_is_there() -> None:
    assert set(infogap.__all__) <= set(dir(infogap))
    for name in infogap.__all__:
        assert getattr(infogap, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = infogap.nothing  # type: ignore[attr-defined]


def test_importing_loads_nothing_heavy() -> None:
    heavy = ("polars", "pydantic", "typer", "rich", "numpy", "datasets", "infogap.api", "infogap.schema")
    code = f"import sys, infogap; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_errors_are_also_what_people_catch() -> None:
    assert issubclass(infogap.InputError, ValueError)
    assert issubclass(infogap.RecipeError, infogap.InputError)
    assert issubclass(infogap.ExternalError, OSError)
    errors = (infogap.InputError, infogap.ExternalError, infogap.ShortfallError, infogap.StoppedError)
    assert all(issubclass(error, infogap.InfogapError) for error in errors)
