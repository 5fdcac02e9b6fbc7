"""Start vLLM's engine in processes of its own, by the recipe's `engine`, and use it from ordinary code."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import multiprocessing.process
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from pydantic import ValidationError

from infogap.errors import ExternalError, InputError, nearest
from infogap.teachers.vllm.engine_processes import EngineLog, Guard

_INSTALL = "pip install 'infogap[vllm]'"
_SHUTDOWN_SECONDS = 10.0
_GLANCE_SECONDS = 0.2
_NETWORK = ("Connect", "Timeout", "Offline", "LocalEntryNotFound")
Result = TypeVar("Result")


class VllmEngine:
    """vLLM's `AsyncLLM` on an event loop in a thread of its own: the synchronous `LLM` has no data parallelism.

    SIGINT is blocked in the thread and all that it starts. The terminal sends Ctrl-C to every process of the group; it
    must only reach this process, so that requests in flight can finish.
    """

    def __init__(self, model: str, arguments: dict[str, Any]) -> None:
        """Start the engine, which takes minutes for a large model; `arguments` are vLLM's engine arguments.

        Raises InputError if vLLM is not installed or refuses the model or an argument, ExternalError if the start fails
        (no GPU, too little memory).
        """
        self._model = model
        self._arguments = arguments
        self._log = EngineLog()
        # As vLLM does on a GPU: a forked process would inherit locks that other threads hold.
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
                resource_tracker.ensure_running()  # if it started later, it would unblock SIGINT
                self._thread.start()
                self._await(ready)
        except BaseException as error:
            for process in self._processes():
                process.kill()  # they would continue loading, and this process would wait for them at its end
            self._guard.release()
            if isinstance(error, _StartError):
                reason = self._log.reason() or str(error)
                raise ExternalError(f"vLLM does not start: {reason} (its log: {self._log.path})") from None
            self._log.remove()
            raise
        self._log.take(logging.getLogger("vllm"))

    @property
    def max_num_seqs(self) -> int:
        """The number of sequences that all replicas together process at once."""
        config = self.llm.vllm_config
        replicas: int = config.parallel_config.data_parallel_size
        return int(config.scheduler_config.max_num_seqs) * replicas

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""
        return int(self.llm.vllm_config.model_config.max_model_len)

    async def on_its_loop(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine that uses `llm`, from another loop. Raises ExternalError if the engine has died."""
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))
        except EngineDeadError:
            reason = self._log.reason() or "one of its processes was killed, perhaps because memory ran out"
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
        gc.collect()  # it shuts down again when collected: now, as at the process's end its modules are gone
        if not died:
            self._log.remove()

    def _await(self, ready: Future[None]) -> None:
        """Wait for the engine; guard its processes as soon as they exist."""
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
    except Exception as error:  # such as a missing GPU library, or a build for another GPU
        raise ExternalError(f"vLLM does not work here: {type(error).__name__}: {first_line(str(error))}") from None
    config = engine_config(model, arguments)
    try:
        return AsyncLLM.from_vllm_config(config, disable_log_stats=True)
    except Exception as error:
        raise _StartError(f"{type(error).__name__}: {first_line(str(error))}") from None


def engine_config(model: str, arguments: dict[str, Any]) -> Any:
    """Make vLLM's configuration of an engine for a model (a folder, or a name on the Hub).

    Raises InputError if an argument or the model does not exist, ExternalError if the Hub or a GPU cannot be reached.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs

    known = {field.name for field in dataclasses.fields(AsyncEngineArgs)} - {"model"}
    for key in arguments:
        if key not in known:
            message = (
                "the model is the key `model` beside `engine`"
                if key == "model"
                else f"no engine argument of vLLM{nearest(key, known)}"
            )
            raise InputError(f"engine.{key}: {message}")
    try:
        return AsyncEngineArgs(model=model, **arguments).create_engine_config()
    except ValidationError as error:
        raise InputError(_described(error, arguments)) from None
    except Exception as error:
        message = f"{type(error).__name__}: {first_line(str(error))}"
        if any(word in type(cause).__name__ for cause in _causes(error) for word in _NETWORK):
            raise ExternalError(
                f"the model {model} is not on this machine, and the Hub cannot be reached ({message})"
            ) from None
        if isinstance(error, RuntimeError):  # as vLLM raises on a machine without a device that it can use
            raise ExternalError(f"vLLM cannot run here: {message}") from None
        raise InputError(f"vLLM cannot load the model {model} ({message})") from None


def _described(error: ValidationError, arguments: dict[str, Any]) -> str:
    """Describe the first error about a key in the recipe, or else the first of all."""
    errors = error.errors(include_url=False, include_context=False)
    named = [line for line in errors if line["loc"] and line["loc"][0] in arguments]
    line = (named or errors)[0]
    message = first_line(line["msg"].removeprefix("Value error, "))
    if named:
        return f"engine.{line['loc'][0]}: {message}, not {line['input']!r}"
    inside = ".".join(str(part) for part in line["loc"])
    return f"engine: {inside + ': ' if inside else ''}{message}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(text: str) -> str:
    """Return the first line that is not empty."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
