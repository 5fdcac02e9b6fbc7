"""A chat-completions server that serves the embedded model: real text over HTTP."""

from __future__ import annotations

import threading
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infogap.recipe.teacher_section import Sampling
from infogap.teachers import Completion, Request
from infogap.teachers.embedded.embedded_teacher import EmbeddedModel


def model_app(model: EmbeddedModel, served_as: str) -> Starlette:
    """The application; it knows the model by the name `served_as` and answers one request at a time."""
    lock = threading.Lock()

    def complete(body: dict[str, Any]) -> Completion:
        keys = Sampling.model_fields.keys() & body.keys()
        sampling = Sampling.model_validate({key: body[key] for key in keys})
        with lock:
            return model.complete(Request("", body["messages"], body["seed"]), sampling)

    async def chat(http: HttpRequest) -> Response:
        body = orjson.loads(await http.body())
        if body["model"] != served_as:
            return JSONResponse({"error": {"message": f"The model `{body['model']}` does not exist."}}, 404)
        completion = await run_in_threadpool(complete, body)
        if completion.error:
            return JSONResponse({"error": {"message": completion.error}}, 400)
        message = {"role": "assistant", "content": completion.response, "reasoning": completion.reasoning or None}
        choice = {"index": 0, "message": message, "finish_reason": completion.finish_reason}
        usage = {"prompt_tokens": completion.prompt_tokens, "completion_tokens": completion.completion_tokens}
        return JSONResponse({"object": "chat.completion", "model": served_as, "choices": [choice], "usage": usage})

    async def models(_: HttpRequest) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": served_as, "object": "model"}]})

    return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/v1/models", models)])
