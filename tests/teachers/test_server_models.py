"""What to change where a server takes no request: asked of servers on the loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse
from starlette.routing import Route

from infogap.errors import ExternalError
from infogap.teachers.base import Request
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.openai_teacher import OpenAIServers
from servers import scripted
from servers.scripted import ScriptedServer

Serving = Callable[[ScriptedServer], str]


def said(url: str, **changed: Any) -> str:
    """What the teacher says that a server does not take requests from."""
    keys = {"backend": "openai", "model": "Qwen3-8", "base_url": [url], "context_length": 4096}
    teacher = OpenAIServers(OpenAITeacher.model_validate(keys | changed))
    with pytest.raises(ExternalError) as caught:
        list(teacher.answer([Request("id", [{"role": "user", "content": "2+2?"}], seed=1)]))
    return str(caught.value)


def test_a_server_that_wants_a_key(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    url = serving(ScriptedServer(lambda *_: scripted.failing(401, "Unauthorized")))
    assert "answered 401: Unauthorized); it needs a key: put it in an environment variable" in said(url)
    assert "`teacher: {api_key_env: OPENAI_API_KEY}`" in said(url)
    monkeypatch.setenv("MY_KEY", "k")
    assert "it refuses the key in the environment variable MY_KEY (teacher.api_key_env)" in said(
        url, api_key_env="MY_KEY"
    )


def test_a_model_that_the_server_does_not_have(serving: Serving) -> None:
    server = ScriptedServer(lambda *_: scripted.failing(404, "The model `Qwen3-8` does not exist."))
    url = serving(server)
    assert "teacher.model is 'Qwen3-8'; no server lists its models" in said(url)

    async def models(_: Asked) -> JSONResponse:
        return JSONResponse({"data": [{"id": "Qwen3-8B"}, {"id": "Llama"}, {}]})

    server.app.router.routes.append(Route("/v1/models", models))
    assert "teacher.model is 'Qwen3-8'; no server" in said(url)  # a list that is none

    async def sound(_: Asked) -> JSONResponse:
        return JSONResponse({"data": [{"id": "Qwen3-8B"}, {"id": "Llama"}]})

    server.app.router.routes[-1] = Route("/v1/models", sound)
    assert "teacher.model is 'Qwen3-8' (did you mean 'Qwen3-8B'?); there are: Qwen3-8B, Llama" in said(url)

    async def listed(_: Asked) -> JSONResponse:
        return JSONResponse({"data": [{"id": "Qwen3-8"}]})

    server.app.router.routes[-1] = Route("/v1/models", listed)
    assert "teacher.model is 'Qwen3-8'; there are: Qwen3-8" in said(url)  # it lists what it cannot load


def test_a_path_that_the_server_does_not_have(serving: Serving) -> None:
    url = serving(ScriptedServer()).removesuffix("/v1")
    assert "teacher.base_url is the URL before /chat/completions" in said(url)
