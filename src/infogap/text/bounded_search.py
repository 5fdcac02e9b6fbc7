"""Search for a recipe's regular expression: on some texts some expressions would take longer than anyone waits."""

from __future__ import annotations

import re

from infogap.errors import InputError
from infogap.parallel.bounded_call import BoundedCall, LimitExceededError

TIME_LIMIT = 1.0  # processor seconds for one text
MOST_FAILURES = 20  # texts that may exceed it before the expression itself is refused
_DEADLINE = 60.0  # seconds by the clock, on a busy machine
_MEMORY_LIMIT = 1 << 30  # bytes


class SearchLimitError(Exception):
    """The search in one text exceeded a limit."""


class BoundedSearch:
    """A regular expression with one group, searched in a worker process; equal texts are searched once."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._found: dict[str, str | None] = {}
        self._failed: set[str] = set()
        self._call = BoundedCall(_search, limit=TIME_LIMIT, deadline=_DEADLINE, memory=_MEMORY_LIMIT)

    def group(self, text: str) -> str | None:
        """Return what the group matches, empty if it takes no part in the match; None if there is no match.

        Raises SearchLimitError for a text that takes more than a second of processor time, and InputError at the 20th
        of these.
        """
        if text not in self._found and text not in self._failed:
            try:
                self._found[text] = self._call((self.pattern, text))
            except LimitExceededError as error:
                self._failed.add(text)
                if len(self._failed) >= MOST_FAILURES:
                    raise self._refusal(error) from None
        if text in self._failed:
            raise SearchLimitError
        return self._found[text]

    def close(self) -> None:
        """End the worker."""
        self._call.close()

    def _refusal(self, error: LimitExceededError) -> InputError:
        return InputError(
            f"`pattern: {self.pattern:.80}` takes too long ({error}) on {MOST_FAILURES} questions, so reading stops: "
            "it can match in too many ways; avoid repeats inside repeats, such as (a+)+"
        )


def _search(argument: tuple[str, str]) -> str | None:
    pattern, text = argument
    match = re.search(pattern, text)
    return None if match is None else match[1] or ""
