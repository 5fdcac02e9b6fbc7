"""Start worker processes from scripts without `if __name__ == "__main__":`, and from standard input.

`multiprocessing` has each new process import the caller's script, which would then start workers itself, and which is
no file at all if Python reads it from standard input. Only functions of the script itself need that.
"""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_one_at_a_time = threading.RLock()


def of_the_script(*functions: Callable[..., Any] | None) -> bool:
    """Whether unpickling any of these functions takes the caller's script."""
    return any(b"__main__" in pickle.dumps(each) for each in functions)


@contextmanager
def script_left_alone(alone: bool) -> Iterator[None]:
    """Keep processes that start within this block, if `alone`, from importing the caller's script."""
    main = sys.modules.get("__main__")
    if main is None or not alone:
        yield
        return
    with _one_at_a_time:
        kept = {name: value for name, value in vars(main).items() if name in ("__file__", "__spec__")}
        try:
            main.__spec__ = None
            vars(main).pop("__file__", None)
            yield
        finally:
            vars(main).update(kept)
