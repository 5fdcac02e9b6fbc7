"""A real S3 server on the loopback, in a process of its own: moto's. Where it is missing, nothing is collected."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_connection
from uuid import uuid4

import pytest

from servers.serve import free_port

if all(map(importlib.util.find_spec, ("moto", "obstore"))):
    collect_ignore_glob: list[str] = []
else:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of the S3 server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        until = time.monotonic() + 120
        while True:
            try:
                create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < until, "moto's server does not start"
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture(autouse=True)
def _environment(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_charts: None) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "machine"))


@pytest.fixture
def bucket(endpoint: str) -> str:
    """A new bucket's name."""
    import boto3

    name = f"bucket-{uuid4().hex[:12]}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=name)
    return name


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Go to another machine: one with another cache folder."""
    return lambda name: monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
