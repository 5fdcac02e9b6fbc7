"""End the pipeline before its last stages, which take longer than all before, where nothing of them is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infogap.runs import pipeline


@contextmanager
def ending_with(package: str) -> Iterator[None]:
    """Let `run` and `update` end with the stage of a package, as `infogap.balance`, while the block runs."""
    packages = pipeline._PACKAGES[: pipeline._PACKAGES.index(package) + 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "_PACKAGES", packages)
        yield
