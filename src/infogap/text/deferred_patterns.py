"""Regular expressions that are compiled when they are first used: most commands import them and never do."""

from __future__ import annotations

import re
from typing import Any, cast


class _Deferred:
    """Stands for a compiled pattern: has the same attributes, each looked up once."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # of copies and pickles, which have no pattern yet
            raise AttributeError(name)
        if "_compiled" not in vars(self):
            self._compiled = re.compile(*self._source)
        found = getattr(self._compiled, name)
        setattr(self, name, found)
        return found


def deferred(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return what can be used as `re.compile` of the same arguments, by its methods and attributes."""
    return cast(re.Pattern[str], _Deferred(pattern, flags))
