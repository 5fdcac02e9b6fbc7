"""Retry requests to the Hub: when, after which wait, and what the user is told meanwhile."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from infogap.console import say
from infogap.errors import ExternalError

Made = TypeVar("Made")

_ATTEMPTS = 6
_YEAR = 365 * 86_400.0
_FIRST_WAIT, _LONGEST_OWN_WAIT = 1.0, 30.0  # seconds, where the Hub names none
LONGEST_WAIT = 3600.0  # seconds; the Hub's quotas count requests per 5 minutes, and commits per hour

# stamina's own log names only the retried function; `Retries` reports retries in plain words instead.
logging.getLogger("stamina").addHandler(logging.NullHandler())


@dataclass
class Retries:
    """Retries after rate limits, server errors and concurrent commits by others; gives up after 6 failures in a row.

    Every wait is printed on stderr with its length and the number of the attempt.
    """

    failures: int = 0

    def __call__(self, attempt: Callable[[], Made]) -> Made:
        """Call `attempt` until it succeeds.

        Raises its error if that will not pass or after 6 failures, and ExternalError at once if the Hub asks for a
        wait of more than an hour.
        """
        import stamina

        def once() -> Made:
            with _reporting_failures():
                return attempt()

        # Neither a time limit nor a fixed number of attempts: an upload of hours may fail now and then.
        return stamina.RetryingCaller(attempts=None, timeout=None)(self._wait, once)

    def progressed(self) -> None:
        """Count failures from here: part of the work is done and will not be repeated."""
        self.failures = 0

    def _wait(self, raised: Exception) -> bool | float:
        """Return False if a retry is useless, else the seconds to wait first; say which."""
        error = cause(raised)
        reason = _passing(error)
        self.failures += 1
        if reason is None or self.failures == _ATTEMPTS:
            return False
        stated = _stated_wait(error)
        if stated is not None and stated > LONGEST_WAIT:
            when = datetime.fromtimestamp(time.time() + stated).astimezone()
            raise ExternalError(
                f"{reason} and asks to wait for {_in_words(stated)}: run the same command again after "
                f"{when:%Y-%m-%d %H:%M}; files that it already has are not sent again"
            ) from raised
        seconds = min(_LONGEST_OWN_WAIT, _FIRST_WAIT * 2 ** (self.failures - 1)) if stated is None else stated
        attempt = f"attempt {self.failures + 1} of {_ATTEMPTS}"
        say(f"{reason}; trying again in {_in_words(seconds)} ({attempt})", style="yellow")
        return seconds


def retried(attempt: Callable[[], Made]) -> Made:
    """Call `attempt` as `Retries` does, if it makes no progress that a failure would keep."""
    return Retries()(attempt)


def cause(error: Exception) -> Exception:
    """Unwrap the error in which huggingface_hub reports a failed upload or download."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    wraps = isinstance(error, RuntimeError | LocalEntryNotFoundError)
    return error.__cause__ if wraps and isinstance(error.__cause__, Exception) else error


def _passing(error: Exception) -> str | None:
    """Say what went wrong if it may pass by itself; return None otherwise."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    # JSON: a proxy's page; ConnectionError: of hf_xet, which has retried for minutes by itself.
    if isinstance(error, httpx2.TransportError | json.JSONDecodeError | ConnectionError):
        return f"the Hub does not answer ({str(error) or type(error).__name__})"
    if not isinstance(error, HfHubHTTPError):
        return None
    status = error.response.status_code
    if status == 429:
        return "the Hub limits your requests (429)"
    if status in (409, 412):
        return f"the repository was changed by others in the meantime ({status})"
    return f"the Hub failed ({status})" if status == 408 or status >= 500 else None


def _stated_wait(error: Exception) -> float | None:
    """Return the seconds to wait by `Retry-After` (seconds or a date), or until the Hub's quota resets, if stated."""
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    if not isinstance(error, HfHubHTTPError):
        return None
    headers = error.response.headers
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return min(float(asked), _YEAR)
    if (date := _date(asked)) is not None:
        now = _date(headers.get("Date", "")) or datetime.now(UTC)  # the Hub's clock may differ from ours
        return min(max(0.0, (date - now).total_seconds()), _YEAR)
    limit = parse_ratelimit_headers(headers) if error.response.status_code == 429 else None
    return None if limit is None else float(limit.reset_in_seconds)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _in_words(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@contextmanager
def _reporting_failures() -> Iterator[None]:
    """Make rate limits and server errors raise at once.

    huggingface_hub would wait by itself: for any time that the Hub names, but not for a date, and with a log of
    addresses that grant access to its storage.
    """
    from huggingface_hub import get_session

    client, log = get_session(), logging.getLogger("huggingface_hub.utils._http")
    hooks, level = client.event_hooks, log.level
    client.event_hooks = {**hooks, "response": [*hooks.get("response", []), _raise_passing]}
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        client.event_hooks = hooks
        log.setLevel(level)


def _raise_passing(response: Any) -> None:
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

    if response.status_code in (408, 429) or response.status_code >= 500:
        response.read()
        hf_raise_for_status(response)
