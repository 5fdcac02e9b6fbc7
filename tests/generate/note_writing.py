"""A server that solves tasks, criticizes attempts and draws lessons, and records what it was asked."""

import re
from collections.abc import Callable

from servers.scripted import Body, Reply, ScriptedServer, completion, replying

WHAT = re.compile(r"What is (\d+)\?")


def prompt(body: Body) -> str:
    return str(body["messages"][0]["content"])


def asks_critique(body: Body) -> bool:
    return prompt(body).startswith("Somebody answered")


def asks_lesson(body: Body) -> bool:
    return prompt(body).startswith("These are attempts")


def says(text: str, reason: str = "stop") -> Reply:
    return replying(completion(text, reason))


def writer(
    critique: Callable[[Body], Reply] = lambda body: says(f"Step one of {body['seed']} adds too much."),
    lesson: Callable[[Body], Reply] = lambda _body: says("Count what is there. Then check the sum."),
) -> ScriptedServer:
    """Answers `What is N?` rightly where the seed is even or a critique is shown, and wrongly with -N - 1.

    Nothing that it writes by default has a gold answer in it.
    """

    def script(body: Body, _before: int) -> Reply | None:
        if asks_critique(body):
            return critique(body)
        if asks_lesson(body):
            return lesson(body)
        number = int(WHAT.findall(prompt(body))[0])
        knows = body["seed"] % 2 == 0 or "A critique of this attempt" in prompt(body)
        return says(rf"We count, {body['seed']}. So it is \boxed{{{number if knows else -number - 1}}}")

    return ScriptedServer(script)
