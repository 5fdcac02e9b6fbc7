"""Read YAML of unknown origin: plain values with the line of each, within limits of size, depth and aliases.

The parser is libyaml's, through PyYAML: a recipe of 100,000 items takes a second instead of twenty. What a scalar means
(`yes` is text, `0o17` a number) is YAML 1.2, by ruamel's rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import yaml  # type: ignore[import-untyped]
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import implicit_resolvers

KeyPath = tuple[str | int, ...]

MOST_CHARACTERS = 4 << 20
MOST_VALUES = 250_000  # every alias counted as all that it stands for
DEEPEST = 50
_CHARACTERS_PER_VALUE = 100  # a long text counts as several values
_MOST_FOR_RUAMEL = 200_000  # characters, which take it some seconds
_MOST_DIGITS = 100  # of a number that is still read to say that it is too large
_FEW_DIGITS = 19  # fit into 64 bits
_LARGEST = 2**63
_CORE = "tag:yaml.org,2002:"
_TAGS = {f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_KINDS = {f"{_CORE}int": "a whole number", f"{_CORE}float": "a number", f"{_CORE}bool": "true or false"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_OTHER_BREAK = re.compile("[\x85\u2028\u2029]")  # ends a line in YAML 1.1, and is text in 1.2
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may be built without libyaml
_PLAIN = [(str(tag), pattern) for versions, tag, pattern, _ in implicit_resolvers if (1, 2) in versions]
_CONSTRUCTOR = YAML(typ="safe", pure=True).constructor


Kind = Literal["scalar", "list", "mapping"]
_KIND_OF: dict[str, Kind] = {"SequenceStartEvent": "list", "MappingStartEvent": "mapping"}


class UnreadableYamlError(Exception):
    """A text that is not read as YAML: `line` counts from 1, and is None where no line is to blame."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


@dataclass(eq=False)
class _Node:
    """A value as it is written. `items` are its items, or its keys and values in turns."""

    kind: Kind
    line: int
    value: Any = None
    items: list[_Node] = field(default_factory=list)
    size: int = 1  # values in it, aliases counted as what they stand for
    merges: bool = False  # the key `<<`


def read_plain(text: str) -> tuple[Any, dict[KeyPath, int]]:
    """Return a YAML document as plain values, and the line of every key and list item by its path.

    Numbers, true, false and null are those of YAML 1.2; a date is text.

    Raises UnreadableYamlError where the text is not valid, has a tag, holds half a surrogate pair, a number of more
    than 64 bits or a key twice, is larger or deeper than the limits, or contains itself.
    """
    if len(text) > MOST_CHARACTERS:
        raise UnreadableYamlError(f"it has more than {MOST_CHARACTERS:,} characters, the most that is read")
    lines: dict[KeyPath, int] = {(): 1}
    node = _composed(text)
    return (None if node is None else _plain(node, (), lines)), lines


def _composed(text: str) -> _Node | None:
    """Return the tree of the one document of a text; None if there is nothing in it."""
    if len(text) > _MOST_FOR_RUAMEL or not _OTHER_BREAK.search(text):
        try:
            return _tree(yaml.parse(text, Loader=_LOADER))
        except (yaml.YAMLError, UnicodeEncodeError) as error:
            if len(text) > _MOST_FOR_RUAMEL:
                raise UnreadableYamlError(f"not valid YAML: {str(error).splitlines()[0]}", _line(error)) from error
    try:  # libyaml reads YAML 1.1, which allows fewer colons and has more line breaks; ruamel's messages are clearer
        return _tree(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        what = (error.problem or error.context or "cannot be read").splitlines()[0]
        raise UnreadableYamlError(f"not valid YAML: {what}", _line(error)) from error
    except YAMLError as error:  # a character that YAML does not allow
        raise UnreadableYamlError(f"not valid YAML: {str(error).splitlines()[0]}") from error
    except (ValueError, OverflowError) as error:  # an escape beyond the last character
        raise UnreadableYamlError(f"not valid YAML: {error}") from error


def _line(error: Exception) -> int | None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    return mark.line + 1 if mark else None


def _tree(events: Iterable[Any]) -> _Node | None:
    tree = _Tree()
    for event in events:
        tree.take(event, event.start_mark.line + 1)
    return tree.root


class _Tree:
    """The tree that a parser's events describe, built without recursion."""

    def __init__(self) -> None:
        self.root: _Node | None = None
        self._open: list[_Node] = []
        self._anchors: dict[str, _Node] = {}
        self._values = 0

    def take(self, event: Any, line: int) -> None:
        """Take the next event. Raises UnreadableYamlError where it goes beyond a limit."""
        match type(event).__name__:  # the same in both libraries
            case "ScalarEvent":
                self._add(self._anchored(_scalar(event, line), event), line)
            case "SequenceStartEvent" | "MappingStartEvent" as begins:
                _check_tag(event.tag, line)
                if len(self._open) >= DEEPEST:
                    raise UnreadableYamlError(f"it is nested more than {DEEPEST} levels deep", line)
                self._open.append(self._anchored(_Node(_KIND_OF[begins], line), event))
            case "SequenceEndEvent" | "MappingEndEvent":
                self._add(self._open.pop(), line)
            case "AliasEvent":
                self._add(self._alias(event.anchor, line), line)
            case "DocumentStartEvent" if self.root is not None:
                raise UnreadableYamlError("a second document begins here; a file holds one", line)

    def _anchored(self, node: _Node, event: Any) -> _Node:
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, name: str, line: int) -> _Node:
        node = self._anchors.get(name)
        if node is None:
            raise UnreadableYamlError(f"there is no anchor &{name} before this", line)
        if node in self._open:
            raise UnreadableYamlError(f"&{name} contains itself", line)
        return node

    def _add(self, node: _Node, line: int) -> None:
        self._values += 1
        if self._open:
            self._open[-1].items.append(node)
            self._open[-1].size += node.size
        else:
            self.root = node
        if self._values > MOST_VALUES or (self._open[-1] if self._open else node).size > MOST_VALUES:
            raise UnreadableYamlError(f"it holds more than {MOST_VALUES:,} values, aliases filled in", line)


def _check_tag(tag: str | None, line: int) -> None:
    if tag is not None and tag != "!" and tag not in _TAGS:
        raise UnreadableYamlError(f"the tag {tag.replace(_CORE, '!!')} is not read; write plain values", line)


def _scalar(event: Any, line: int) -> _Node:
    _check_tag(event.tag, line)
    text = event.value
    plain = event.tag is None and event.implicit[0]
    tag = _tag_of_plain(text) if plain else event.tag if event.tag in _TAGS else f"{_CORE}str"
    size = 1 + len(text) // _CHARACTERS_PER_VALUE
    if plain and tag == f"{_CORE}merge":
        return _Node("scalar", line, text, merges=True)
    if tag not in _TAGS or tag == f"{_CORE}str":
        if half := _SURROGATE.search(text):
            raise UnreadableYamlError(
                f"\\u{ord(half[0]):04x} is half a surrogate pair; write the character itself", line
            )
        return _Node("scalar", line, text, size=size)
    return _Node("scalar", line, _value(tag, text, line, plain=plain))


@lru_cache
def _tag_of_plain(text: str) -> str:
    return next((tag for tag, pattern in _PLAIN if pattern.match(text)), f"{_CORE}str")


def _value(tag: str, text: str, line: int, *, plain: bool) -> Any:
    """Return a number, true, false or null."""
    if tag == f"{_CORE}int" and len(text) < _FEW_DIGITS and text.isascii() and text.isdigit() and text[0] != "0":
        return int(text)
    if len(text) > _MOST_DIGITS:
        raise UnreadableYamlError(f"a number of {len(text):,} characters is too large", line)
    try:
        value = _CONSTRUCTOR.construct_object(ScalarNode(tag, text))
    except (YAMLError, ValueError, KeyError, IndexError, OverflowError):
        if plain:
            return text  # `_` looks like a number without digits
        raise UnreadableYamlError(f"{text} is not {_KINDS.get(tag, 'a value')}", line) from None
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise UnreadableYamlError(f"{text[:40]} is too large: a whole number has at most 64 bits", line)
    return value


def _plain(node: _Node, path: KeyPath, lines: dict[KeyPath, int]) -> Any:
    """Return a node's value, and note the lines of its keys and items."""
    if node.kind == "scalar":
        return node.value
    if node.kind == "list":
        for index, item in enumerate(node.items):
            lines[(*path, index)] = item.line
        return [_plain(item, (*path, index), lines) for index, item in enumerate(node.items)]
    own: dict[Any, Any] = {}
    merged: dict[Any, tuple[_Node, int]] = {}
    for key, value in zip(node.items[::2], node.items[1::2], strict=True):
        if key.merges:
            for name, entry in _merged(value, key.line):
                merged.setdefault(name, entry)
            continue
        name = _key(key)
        if name in own:
            raise UnreadableYamlError(f"the key {name} stands here twice", key.line)
        lines[(*path, name)] = key.line
        own[name] = _plain(value, (*path, name), lines)
    for name, (value, line) in merged.items():
        if name not in own:
            lines[(*path, name)] = line
            own[name] = _plain(value, (*path, name), lines)
    return own


def _merged(value: _Node, line: int) -> Iterator[tuple[Any, tuple[_Node, int]]]:
    """Yield the entries that `<<` takes from a mapping, or from a list of them: the first one of a name counts."""
    for source in value.items if value.kind == "list" else [value]:
        if source.kind != "mapping":
            raise UnreadableYamlError("`<<` takes a mapping, or a list of mappings", line)
        for key, entry in zip(source.items[::2], source.items[1::2], strict=True):
            if key.merges:
                yield from _merged(entry, key.line)
            else:
                yield _key(key), (entry, line)


def _key(node: _Node) -> str | int:
    if node.kind != "scalar" or not isinstance(node.value, str | int):  # true and false are whole numbers here
        found = "nothing" if node.value is None and node.kind == "scalar" else f"a {node.kind}"
        raise UnreadableYamlError(
            f"a key has to be text, found {found if node.value is None else node.value}", node.line
        )
    return node.value
