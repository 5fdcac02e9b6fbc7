"""The server of the tests: it answers, and it stops even while a request hangs."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.error
import urllib.request

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from servers.serve import serve


async def hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def hang(_: Request) -> PlainTextResponse:
    await asyncio.sleep(60)
    return PlainTextResponse("late")


APP = Starlette(routes=[Route("/", hello), Route("/hang", hang)])


def test_answers_while_the_block_runs_and_not_after() -> None:
    with serve(APP) as url:
        assert urllib.request.urlopen(url).read() == b"hello"
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)


def test_stops_while_a_request_hangs() -> None:
    failures: list[Exception] = []

    def ask(url: str) -> None:
        try:
            urllib.request.urlopen(f"{url}/hang").read()
        except OSError as error:
            failures.append(error)

    with serve(APP) as url:
        client = threading.Thread(target=ask, args=(url,))
        client.start()
        time.sleep(0.2)
        started = time.monotonic()
    client.join(timeout=5)
    assert time.monotonic() - started < 3
    assert failures
