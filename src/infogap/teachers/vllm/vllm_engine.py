"""Start vLLM's engine in processes of its own, and use it from ordinary code."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from infogap.errors import ExternalError, InputError
from infogap.teachers.vllm.engine_arguments import engine_config, first_line
from infogap.teachers.vllm.engine_log import EngineLog
from infogap.teachers.vllm.process_guard import Guard

Result = TypeVar("Result")

_INSTALL = "pip install 'infogap[vllm]'"
_SHUTDOWN_SECONDS = 10.0
_GLANCE_SECONDS = 0.2


class VllmEngine:
    """vLLM's `AsyncLLM` on an event loop in a thread of its own: the synchronous `LLM` knows no data parallelism.

    The thread and everything that it starts have SIGINT blocked: Ctrl-C, which the terminal sends to every
    process of the group, must reach this process alone, so that what is in flight can be finished.
    """

    def __init__(self, model: str, arguments: dict[str, Any]) -> None:
        """Start the engine, which takes minutes for a large model; `arguments` are vLLM's engine arguments.

        Raises InputError where vLLM is not installed or refuses the model or an argument, ExternalError where
        the start fails (no GPU, too little memory).
        """
        self._model = model
        self._arguments = arguments
        self._log = EngineLog()
        # A process started by fork would inherit locks that other threads hold; also what vLLM does on a GPU.
        os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
        self.llm: Any
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="infogap-vllm", daemon=True)
        self._guard = Guard()
        self._others = set(multiprocessing.active_children())
        try:
            with self._log.capture():
                resource_tracker.ensure_running()  # whose own start would unblock SIGINT
                self._thread.start()
                self._await(ready)
        except BaseException as error:
            for process in self._processes():
                process.kill()  # they would go on loading, and this process wait for them at its end
            self._guard.release()
            if isinstance(error, _StartError):
                reason = self._log.reason() or str(error)
                raise ExternalError(f"vLLM does not start: {reason} (its log: {self._log.path})") from None
            self._log.remove()
            raise
        self._log.take(logging.getLogger("vllm"))

    @property
    def max_num_seqs(self) -> int:
        """How many sequences all replicas work on at once."""
        config = self.llm.vllm_config
        replicas: int = config.parallel_config.data_parallel_size
        return int(config.scheduler_config.max_num_seqs) * replicas

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""
        return int(self.llm.vllm_config.model_config.max_model_len)

    async def on_its_loop(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine that uses `llm`, from another loop. Raises ExternalError where the engine has died."""
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
        except EngineDeadError:
            reason = self._log.reason() or "one of its processes was killed, perhaps for want of memory"
            raise ExternalError(
                f"vLLM's engine died: {reason} (its log: {self._log.path}); what was finished is on disk; run again "
                "to continue"
            ) from None

    def close(self) -> None:
        """Shut the engine down and release its memory."""
        died = self.llm.errored
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._guard.release()
        del self.llm
        gc.collect()  # it shuts down once more when it is collected: not when this process ends, with its modules gone
        if not died:
            self._log.remove()

    def _await(self, ready: Future[None]) -> None:
        """Wait for the engine, its processes guarded as soon as they are there."""
        while not ready.done():
            with suppress(TimeoutError):
                ready.exception(timeout=_GLANCE_SECONDS)
            self._guard.watch(process.pid for process in self._processes() if process.pid is not None)
        ready.result()

    def _processes(self) -> set[multiprocessing.process.BaseProcess]:
        return set(multiprocessing.active_children()) - self._others

    def _run(self, ready: Future[None]) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        asyncio.run(self._live(ready))

    async def _live(self, ready: Future[None]) -> None:
        try:
            self.llm = _start(self._model, self._arguments)
        except BaseException as error:
            ready.set_exception(error)
            return
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        ready.set_result(None)
        await self._stop.wait()
        self.llm.shutdown(timeout=_SHUTDOWN_SECONDS)


class _StartError(Exception):
    """The engine's processes did not come up."""


def _start(model: str, arguments: dict[str, Any]) -> Any:
    try:
        from vllm.v1.engine.async_llm import AsyncLLM
    except ModuleNotFoundError as error:
        if error.name == "vllm":
            raise InputError(f"the vllm teacher needs vLLM; {_INSTALL}") from None
        raise ExternalError(f"vLLM does not work here: {error}; reinstall it: {_INSTALL}") from None
    except Exception as error:  # a library of a GPU that is not there, a build for another one
        raise ExternalError(f"vLLM does not work here: {type(error).__name__}: {first_line(str(error))}") from None
    config = engine_config(model, arguments)
    try:
        return AsyncLLM.from_vllm_config(config, disable_log_stats=True)
    except Exception as error:
        raise _StartError(f"{type(error).__name__}: {first_line(str(error))}") from None
