"""A process killed between any two of its steps, on the disk or at the provider, while it generates by batches.

The next process ends with the same tables, and no request is answered twice. INFOGAP_KILL_STEP=1 tries every step; by
default it is one in 13.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generate.batched import make_run, tables
from infogap.generate import STAGE
from infogap.generate import batch_waiting as waiting
from infogap.generate.trace_store import TraceStore
from infogap.teachers.openai.batch_calls import BatchEndpoints
from servers.batches import BatchServer, Fate
from servers.serve import serve

NEVER = 10_000


class Dying:
    """Ends the process, so to speak, before the step that follows `left` others."""

    left = NEVER

    def step(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # a download's rename, in the event loop: the end of its call is a step
        if self.left == 0:
            raise SystemExit
        self.left -= 1

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **keywords: Any) -> Any:
            self.step()
            return function(*arguments, **keywords)

        return changed

    def before_and_after(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """After it, the provider has done what it was asked to do, and its reply is lost."""

        def changed(*arguments: Any, **keywords: Any) -> Any:
            self.step()
            result = function(*arguments, **keywords)
            self.step()
            return result

        return changed


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Dying:
    dying = Dying()
    for name in ("unlink", "replace", "rename"):
        monkeypatch.setattr(Path, name, dying.before(getattr(Path, name)))
    monkeypatch.setattr(TraceStore, "add", dying.before(TraceStore.add))
    monkeypatch.setattr(BatchEndpoints, "request", dying.before_and_after(BatchEndpoints.request))
    monkeypatch.setattr(waiting, "FIRST_WAIT", 0.001)
    return dying


def fate(number: int) -> Fate:
    """Of the first three batches one expires, and one has a request that is refused."""
    lines: dict[int, Any] = {0: "expire", 3: None} if number == 1 else {}
    return Fate("expired" if lines else "completed", lines, looks=0)


def test_a_kill_between_any_two_steps(tmp_path: Path, dying: Dying) -> None:
    def work(folder: Path, left: int) -> tuple[dict[str, bytes], BatchServer]:
        server = BatchServer(fate=fate)
        with serve(server.app) as url:
            run = make_run(folder, f"{url}/v1")
            dying.left = left
            try:
                STAGE.make(run)
            except SystemExit:
                dying.left = NEVER
                STAGE.make(run)
        return tables(run), server

    plain, server = work(tmp_path / "plain", NEVER)
    steps = NEVER - dying.left
    assert len(server.batches) == 4
    assert steps > 80
    for left in range(0, steps, int(os.environ.get("INFOGAP_KILL_STEP", "13"))):
        killed, server = work(tmp_path / f"killed-{left}", left)
        assert killed == plain, left
        assert set(server.paid.values()) == {1}, left
        assert server.contents == {}, left
