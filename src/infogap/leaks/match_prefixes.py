"""Find out with which texts the matches of a regular expression begin: where none of them stands, nothing matches.

Python's `re` tries an expression that begins with alternatives at every character, which takes most of the time of a
search. The beginnings are read off the parsed expression. `re` has no public name for its parser; other packages that
need it (hypothesis for one) import it in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

LONGEST = 12  # characters of a prefix
MOST = 600  # prefixes of one expression: with more, they are shorter

LINE_START = "\x04"  # no expression has this character
_EMPTY = (code.AT, code.ASSERT, code.ASSERT_NOT)  # these take no characters
_AFTER_BREAK = (-1, [(code.LITERAL, ord("\n"))])

_Prefixes = frozenset[tuple[str, bool]]  # a text, and whether it is complete: nothing more is added to it


class _TooManyError(Exception):
    pass


@dataclass(frozen=True)
class Prefixes:
    """What all matches of an expression begin with: one of `texts`.

    A space is any white space, one or more; a line break, which is only the first character, is one and any white space
    after it; `LINE_START` takes no character, and is where a line begins. `at_word`: where a match begins with a letter
    or digit, none precedes it.
    """

    texts: tuple[str, ...]
    at_word: bool


def prefixes(expression: str) -> Prefixes:
    """Return what all matches of an expression begin with: a single empty text if that is not known."""
    items = list(parser.parse(expression, re.MULTILINE))
    for longest in range(LONGEST, 0, -1):
        try:
            ended = _after_all(items, frozenset({("", False)}), longest)
        except _TooManyError:
            continue
        every = {text for text, _ in ended}
        texts = sorted(text for text in every if not any(text[:size] in every for size in range(len(text))))
        return Prefixes(tuple(texts), _at_word(items))
    return Prefixes(("",), False)


def _at_word(items: list[tuple[Any, Any]]) -> bool:
    r"""True if an expression begins with `\b` or `(?<!\w)`, or has it after others that take no characters."""
    not_after_word = (code.ASSERT_NOT, (-1, [(code.IN, [(code.CATEGORY, code.CATEGORY_WORD)])]))
    empty = takewhile(lambda item: item[0] in _EMPTY, items)
    return any(item == (code.AT, code.AT_BOUNDARY) or (item[0], _listed(item[1])) == not_after_word for item in empty)


def _listed(argument: Any) -> Any:
    return (argument[0], list(argument[1])) if isinstance(argument, tuple) else argument


def _after_all(items: Iterable[tuple[Any, Any]], before: _Prefixes, longest: int) -> _Prefixes:
    for kind, argument in items:
        if all(complete for _, complete in before):
            break
        before = _after(kind, argument, before, longest)
        if len(before) > MOST:
            raise _TooManyError
    return before


def _after(kind: Any, argument: Any, before: _Prefixes, longest: int) -> _Prefixes:
    """Return what a text can begin with after one more item of an expression."""
    after = _complete(before)
    if (kind, argument) == (code.AT, code.AT_BEGINNING) or (kind is code.ASSERT and _listed(argument) == _AFTER_BREAK):
        after = frozenset((text or LINE_START, complete) for text, complete in before)
    elif kind in _EMPTY:  # what they say of the characters around is not used
        after = before
    elif kind is code.LITERAL:
        after = _extended(before, {chr(argument)}, longest)
    elif kind is code.IN and (characters := _characters(argument)) is not None:
        after = _extended(before, characters, longest)
    elif kind is code.SUBPATTERN and not argument[1] and not argument[2]:  # without flags of its own
        after = _after_all(argument[3], before, longest)
    elif kind is code.BRANCH:
        going = frozenset(prefix for prefix in before if not prefix[1])
        after = (before - going).union(*(_after_all(branch, going, longest) for branch in argument[1]))
    elif kind in (code.MAX_REPEAT, code.MIN_REPEAT):
        least, most, items = argument
        after = _repeated(least, most, items, before, longest)
    return after


def _repeated(least: int, most: int, items: Any, before: _Prefixes, longest: int) -> _Prefixes:
    results, going = frozenset[tuple[str, bool]](), before
    for times in range(min(int(most), longest) + 1):
        if times >= least:
            results |= going
        unfinished = frozenset(prefix for prefix in going if not prefix[1])
        if times == most or not unfinished:
            break
        after = _after_all(items, unfinished, longest)
        results |= {prefix for prefix in going | after if prefix[1]}
        going = frozenset(prefix for prefix in after if not prefix[1])
        if going == unfinished:  # more white space is the same
            results |= going
            break
    return results


def _characters(items: list[tuple[Any, Any]]) -> set[str] | None:
    """Return the characters of a class; None if it has others than a few literal ones and white space."""
    characters = set[str]()
    for kind, argument in items:
        if kind is code.LITERAL:
            characters.add(chr(argument))
        elif kind is code.RANGE and argument[1] - argument[0] < 10:
            characters |= {chr(point) for point in range(argument[0], argument[1] + 1)}
        elif kind is code.CATEGORY and argument is code.CATEGORY_SPACE:
            characters.add(" ")
        else:
            return None
    return characters


def _complete(before: _Prefixes) -> _Prefixes:
    return frozenset((text, True) for text, _ in before)


def _extended(before: _Prefixes, characters: set[str], longest: int) -> _Prefixes:
    if len(before) * len(characters) > 4 * MOST:
        raise _TooManyError
    longer = {_joined(text, added) for text, complete in before if not complete for added in characters}
    return frozenset((text, len(text) >= longest) for text in longer) | {prefix for prefix in before if prefix[1]}


def _joined(text: str, added: str) -> str:
    if not added.isspace():
        return text + added
    if not text and added == "\n":
        return added
    return text if text[-1:].isspace() else f"{text} "
