"""What a recipe from elsewhere may not say before its reader has decided to trust it.

A recipe decides what runs on a machine and what is sent from it. One from the Hub or the web may use infogap's own
parts, public data, and files below the working directory; it may not run code, read other files or the environment, or
send keys.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infogap import plugins
from infogap.recipe.recipe_errors import Path as KeyPath
from infogap.recipe.variables import variables_in
from infogap.user_objects import is_user_object

Problem = tuple[KeyPath, str]

_PATHS = ("from", "model", "lexicons", "scorer", "tokenizer")  # keys whose texts can be paths
_SAFE_ADDRESSES = ("https", "hf")
_NO_PATHS_BELOW = ("generate",)  # there `from` names a privilege
_SAFE_ENGINE = (  # arguments of vLLM that set sizes and number formats alone
    "data_parallel_size",
    "dtype",
    "enable_prefix_caching",
    "enforce_eager",
    "gpu_memory_utilization",
    "kv_cache_dtype",
    "max_model_len",
    "max_num_batched_tokens",
    "max_num_seqs",
    "pipeline_parallel_size",
    "quantization",
    "tensor_parallel_size",
)
_IF = "read it, then allow it with --trust"


def untrusted_problems(data: dict[str, Any], folder: Path) -> list[Problem]:
    """Return every place of a recipe's data that needs --trust, with the reason; relative paths start from `folder`."""
    problems = [(path, f"would read the environment; {_IF}") for path in variables_in(data)]
    for key, value in data.items():
        if key not in _NO_PATHS_BELOW:
            problems += _paths(value, (key,), folder)
        problems += _keys_and_code(value, (key,))
    return [*problems, *_plug_ins(data)]


def _paths(value: Any, path: KeyPath, folder: Path) -> Iterator[Problem]:
    """Yield the paths that lead out of the folder, and addresses that are not public ones."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _paths(item, (*path, key), folder)
    named = next((step for step in reversed(path) if isinstance(step, str)), None)
    if not isinstance(value, str) or named not in _PATHS:
        return
    scheme, separator, _ = value.partition("://")
    if separator:
        if scheme.lower() not in _SAFE_ADDRESSES or "::" in value:
            yield path, f"reads {scheme}://; only https:// and hf:// are read without trust; {_IF}"
    elif _leads_out(value, folder):
        yield path, f"reads a path outside this folder ({folder.resolve()}); {_IF}"


def _leads_out(text: str, folder: Path) -> bool:
    if text.startswith("~") or "::" in text:
        return True
    try:
        return not (folder / text).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # NUL, a loop of links: no file has this name
        return True


def _keys_and_code(value: Any, path: KeyPath) -> Iterator[Problem]:
    if not isinstance(value, dict):
        items = enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            yield from _keys_and_code(item, (*path, key))
        return
    for key, item in value.items():
        place = (*path, key)
        if "backend" not in value:
            yield from _keys_and_code(item, place)
        elif key == "api_key_env" and item is not None:
            server = value.get("base_url", "its servers")
            yield place, f"would send the key in {item} to {server}; {_IF}"
        elif key == "address" and item not in (None, "local"):
            yield place, f"joins a Ray cluster, which can run code here; {_IF}"
        elif key == "engine":
            unsafe = [name for name in _mapping(item) if name not in _SAFE_ENGINE]
            yield from (((*place, name), f"can make vLLM load code or other files; {_IF}") for name in unsafe)
        else:
            yield from _keys_and_code(item, place)


def _plug_ins(data: dict[str, Any]) -> Iterator[Problem]:
    """Yield the objects in code that a recipe names: `module:object`, and what other packages register."""
    for kind, path, name in _named_objects(data):
        if is_user_object(name):
            yield path, f"runs {name}, code of your own or of an installed package; {_IF}"
        elif name in plugins.names(kind):
            package, _ = plugins.provider(kind, name)
            if package != "infogap":
                yield path, f"'{name}' runs code of the package {package}; {_IF}"


def _named_objects(data: dict[str, Any]) -> Iterator[tuple[plugins.Kind, KeyPath, str]]:
    """Yield what a recipe names of each kind of extension, where it is a text."""
    found: list[tuple[plugins.Kind, KeyPath, Any]] = []
    for section in ("tasks", "import"):
        for index, source in enumerate(_list(data.get(section))):
            found += [("verifiers", (section, index, "verifier"), _mapping(source).get("verifier"))]
            found += [("formats", (section, index, "format"), _mapping(source).get("format"))]
    teachers: dict[KeyPath, Any] = {("teacher",): data.get("teacher")}
    teachers |= {("teachers", name): settings for name, settings in _mapping(data.get("teachers")).items()}
    measure = _mapping(data.get("measure"))
    gap = _mapping(measure.get("gap"))
    teachers["measure", "gap", "scorer"] = gap.get("scorer")
    teachers["verify", "judge", "by"] = _mapping(_mapping(data.get("verify")).get("judge")).get("by")
    found += [
        ("backends", (*path, "backend"), _mapping(settings).get("backend")) for path, settings in teachers.items()
    ]
    found += [("measures", ("measure", "measures", i), name) for i, name in enumerate(_list(measure.get("measures")))]
    found += [
        ("privileges", ("measure", "gap", "contexts", i), name) for i, name in enumerate(_list(gap.get("contexts")))
    ]
    for index, entry in enumerate(_list(_mapping(data.get("generate")).get("privileges"))):
        path: KeyPath = ("generate", "privileges", index)
        options = _mapping(entry)
        found += [("privileges", path, entry)] if isinstance(entry, str) else []
        found += [("privileges", path, name) for name, given in options.items() if "template" not in _mapping(given)]
    publish = _mapping(data.get("publish"))
    found += [("configs", ("publish", "configs", i), name) for i, name in enumerate(_list(publish.get("configs")))]
    yield from ((kind, path, name) for kind, path, name in found if isinstance(name, str))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
