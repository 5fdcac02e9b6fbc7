"""The Ray cluster that a command computes on, if `--ray` names one, and what its nodes must have in common."""

from __future__ import annotations

import platform
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import infogap
from infogap import plugins
from infogap.errors import ExternalError, InputError
from infogap.ids import digest, file_digest
from infogap.parallel import usable_cores

# What values of tables depend on. Ray itself compares the versions of Python and Ray.
_LIBRARIES = (
    *("polars", "numpy", "numba", "datasketch", "sympy", "math-verify", "latex2sympy2-extended"),
    *("antlr4-python3-runtime", "reasoning-gym"),
)
_CALLED_ON_NODES: tuple[plugins.Kind, ...] = ("verifiers", "measures")
_WHEEL_ONLY = ("quickstart/", "cards/")  # which a source checkout has elsewhere
_CONNECT_SECONDS = 10.0
_TOKEN = "; one that asks for a token needs RAY_AUTH_MODE=token, and its token in ~/.ray/auth_token"
_QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}

_in_use = False


def in_use() -> bool:
    """Whether this process computes on a cluster."""
    return _in_use


@contextmanager
def on_ray(address: str | None) -> Iterator[None]:
    """Compute on a Ray cluster while the block runs; on this machine alone if there is no address.

    `address` is `auto` for the cluster that this machine belongs to, `host:port` of its head node, `ray://host:port`
    from a machine outside of it, or `local` for a cluster of this machine alone that ends with the block.

    Raises InputError if Ray is not installed or the address is invalid, ExternalError if there is no such cluster.
    """
    global _in_use  # noqa: PLW0603
    if address is None or _in_use:
        yield
        return
    ours = _connect(address)
    _in_use = True
    try:
        yield
    finally:
        _in_use = False
        if ours:
            _disconnect()


def _connect(address: str) -> bool:
    """Connect to a cluster; return False if this process was connected before."""
    _check(address)
    try:
        import ray
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise InputError("--ray needs Ray, the version of the cluster's nodes: pip install ray") from None
    if ray.is_initialized():
        return False
    _reach(address)
    before = signal.getsignal(signal.SIGTERM)
    try:
        if address == "local":
            ray.init(address, num_cpus=usable_cores(), include_dashboard=False, **_QUIET)
        else:
            ray.init(address, **({} if address.startswith("ray://") else _QUIET))
    except Exception as error:  # Ray has no class for these: ConnectionError, RuntimeError, ValueError, gRPC's own
        raise ExternalError(f"the Ray cluster at {address} cannot be joined: {_line(error)}{_TOKEN}") from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)  # Ray's own handler would end the command as `exit` does
    return True


def _check(address: str) -> None:
    if address in ("auto", "local"):
        return
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        valid = parts.scheme in ("", "ray") and bool(parts.hostname and parts.port) and not parts.path.strip("/")
    except ValueError:  # a port that is no number
        valid = False
    if not valid:
        raise InputError(f"--ray {address}: write auto, local, host:port or ray://host:port")


def _reach(address: str) -> None:
    """Try the connection first: Ray itself would try for minutes. Raises ExternalError."""
    if address in ("auto", "local"):
        return
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        socket.create_connection((str(parts.hostname), int(parts.port or 0)), _CONNECT_SECONDS).close()
    except OSError as error:
        raise ExternalError(f"there is no Ray cluster at {address}: {_line(error)}") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _disconnect() -> None:
    import ray

    ray.shutdown()


# What is compared


@cache
def software() -> dict[str, str]:
    """Return the versions of all that values depend on, in this process; infogap's own is a digest of its source."""
    root = Path(infogap.__file__).parent
    files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if _is_source(path)}
    sources = [(name, file_digest(path)) for name, path in sorted(files.items()) if not name.startswith(_WHEEL_ONLY)]
    found = {"Python": platform.python_version(), "infogap": f"{infogap.__version__} {digest(sources)[:12]}"}
    found |= {name: _version(name) for name in _LIBRARIES}
    for kind in _CALLED_ON_NODES:
        for name in plugins.names(kind):
            package, its_version = plugins.provider(kind, name)
            if package:
                found.setdefault(package, its_version)
    return found


def check_software(of_the_command: dict[str, str]) -> None:
    """Raise ExternalError, on a node, unless it has what the command has: otherwise rows could differ by node."""
    here = software()
    different = [name for name in of_the_command if here.get(name) != of_the_command[name]]
    if different:
        listed = ", ".join(
            f"{name} {here.get(name) or 'missing'} instead of {of_the_command[name] or 'none'}" for name in different
        )
        raise ExternalError(
            f"the node {socket.gethostname()} of the Ray cluster has {listed}; install the same versions on every node"
        )


def _is_source(path: Path) -> bool:
    return path.suffix in (".py", ".yaml", ".jinja", ".txt") and path.is_file()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
