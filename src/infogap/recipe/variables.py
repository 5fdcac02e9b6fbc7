"""Substitute environment variables in a recipe's texts: `${NAME}`, `${NAME:-default}`; `$${NAME}` is the text itself.

A recipe is saved in its run and published, so no key may come into it this way: a variable, a value or a place that
looks like a secret is refused, and messages never show a variable's value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infogap.recipe.recipe_errors import Path as KeyPath

Problems = list[tuple[KeyPath, str]]

_VARIABLE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")
_SECRET_NAME = re.compile(
    r"(^|_)(API_?|ACCESS_?|PRIVATE_?)?(KEY|TOKEN|SECRET|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH|COOKIE)(_|$)",
    re.IGNORECASE,
)
_SECRET_KEY = re.compile(
    r"(api|access|private|secret|auth)[_-]?(key|token)|(^|[_-])(token|key)$|secret|passw|credential|authorization|cookie",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\b(sk|pk|rk)-[\w-]{16,}|\bhf_\w{16,}|\bgh[opsur]_\w{16,}|\bgithub_pat_\w{16,}|\bAKIA[0-9A-Z]{16}|\bxox[abprs]-[\w-]{8,}"
    r"|\bAIza[\w-]{30,}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}|-----BEGIN [A-Z ]*PRIVATE KEY|\bBearer\s+\S{8,}"
)
_SECRET_IN_URL = re.compile(
    r"://[^/?#]*\$\{[^}]*\}[^/?#]*@|[?&][\w-]*(key|token|secret|signature|sig|passw\w*|auth)=[^&]*\$\{", re.IGNORECASE
)
_USER_IN_URL = re.compile(r"://[^/?#\s]+@")
_INSTEAD = "a recipe holds no keys, as it is saved in the run; write `api_key_env: NAME`, the name of the variable"


def has_variable(text: str) -> bool:
    """Return whether a text holds a `${NAME}` that would be substituted."""
    return any(not match[1] for match in _VARIABLE.finditer(text))


def variables_in(data: Any) -> Iterator[KeyPath]:
    """Yield the paths of the texts in a recipe's data that hold variables."""
    for path, text in _texts(data, ()):
        if has_variable(text):
            yield path


def escaped(value: Any) -> Any:
    """Return a recipe's data with a further `$` before every `${NAME}` in its texts, so that none is substituted."""
    return _mapped(value, lambda text: _VARIABLE.sub(lambda match: f"${match[0]}", text))


def unescaped(value: Any) -> Any:
    """Return the data of a recipe that infogap wrote, every `$${NAME}` as the `${NAME}` that it stands for."""
    return _mapped(value, lambda text: _VARIABLE.sub(lambda match: match[0].removeprefix(match[1]), text))


def substituted(data: dict[str, Any], environment: Mapping[str, str]) -> tuple[dict[str, Any], Problems]:
    """Return a recipe's data with its variables replaced by their values, and the problems of those that cannot be.

    The result of a variable is a text. Keys are left as they are: one that holds a variable is a problem.
    """
    problems: Problems = [(path, "a key is written as it is: only values may hold ${...}") for path in _keys(data, ())]
    whole = _substituted(data, (), environment, problems)
    return whole, problems


def _substituted(value: Any, path: KeyPath, environment: Mapping[str, str], problems: Problems) -> Any:
    if isinstance(value, dict):
        return {key: _substituted(item, (*path, key), environment, problems) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item, (*path, index), environment, problems) for index, item in enumerate(value)]
    if not isinstance(value, str) or "${" not in value:
        return value
    names = [match[2] for match in _VARIABLE.finditer(value) if not match[1]]
    problem = _secret(value, path, names) if names else None
    values: dict[str, str] = {}
    for match in _VARIABLE.finditer(value):
        if match[1] or problem:
            continue
        given = environment.get(match[2], "")
        if not given and match[3] is not None:
            given = match[3]
        elif match[2] not in environment:
            problem = (
                f"the environment variable {match[2]} is not set; set it, or give a default: "
                f"${{{match[2]}:-default}} ($${{{match[2]}}} stands for the text itself)"
            )
        elif _SECRET_VALUE.search(given):
            problem = f"the value of {match[2]} looks like a key: {_INSTEAD}"
        elif re.search("[\0\ud800-\udfff]", given):
            problem = f"the value of {match[2]} is not valid UTF-8"
        values[match[0]] = given
    if problem:
        problems.append((path, problem))
        return value
    whole = _VARIABLE.sub(lambda match: match[0][1:] if match[1] else values[match[0]], value)
    if names and _USER_IN_URL.search(whole) and not _USER_IN_URL.search(value):
        problems.append((path, f"the value of {names[0]} is an address with a user or key in it: {_INSTEAD}"))
        return value
    return whole


def _secret(text: str, path: KeyPath, names: list[str]) -> str | None:
    """Say why a text with variables would put a secret into the recipe; None if it would not."""
    if "api_key_env" in path:
        return f"write the variable's name itself, without ${{}}: api_key_env: {names[0]}"
    if any(isinstance(step, str) and _SECRET_KEY.search(step) for step in path):
        return f"`{path[-1]}` may hold a key: {_INSTEAD}"
    if secret := next((name for name in names if _SECRET_NAME.search(name)), None):
        return f"the variable {secret} looks like a key: {_INSTEAD}"
    if _SECRET_IN_URL.search(text):
        return f"an address with a key in it: {_INSTEAD}"
    return None


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _texts(item, (*path, key))


def _keys(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the paths of keys that hold a variable."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(key, str) and has_variable(key):
            yield (*path, key)
        yield from _keys(item, (*path, key))


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    return change(value) if isinstance(value, str) and "${" in value else value
