"""Connect to the Hub: create the client, retry requests, and turn failures into clear errors."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

from infogap.console import detail, output
from infogap.errors import ExternalError, InfogapError, InputError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Made = TypeVar("Made")

_ATTEMPTS = 6
_OFFICIAL = ("huggingface.co", "hf.co", "hub-ci.huggingface.co")

# stamina's own log names only the retried function; `_wait` reports retries in plain words instead.
logging.getLogger("stamina").addHandler(logging.NullHandler())


def hub_client() -> HfApi:
    """Return a client for the Hub at HF_ENDPOINT. Only the official Hub supports the upload protocol Xet.

    Raises InputError if HF_ENDPOINT is not an address, or the token has characters that a token cannot have.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    elsewhere = bool(endpoint) and _host(endpoint) not in _OFFICIAL
    if elsewhere:
        os.environ["HF_HUB_DISABLE_XET"] = "1"  # huggingface_hub reads this on import
    from huggingface_hub import HfApi, constants, get_token

    if not re.fullmatch(r"[!-~]*", get_token() or ""):
        raise InputError("the token (from HF_TOKEN or `hf auth login`) contains characters that are not allowed")
    if elsewhere:
        constants.HF_HUB_DISABLE_XET = True  # in case it was imported earlier
    return HfApi(endpoint=endpoint or None, library_name="infogap")


def _host(endpoint: str) -> str:
    try:
        address = urlsplit(endpoint)
        sound = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:  # such as a port above 65535 or an unmatched bracket
        sound = False
    if not sound or not re.fullmatch(r"[!-~]+", endpoint):
        raise InputError(f"HF_ENDPOINT is '{endpoint}', not an address such as https://huggingface.co")
    return str(address.hostname)


def retried(attempt: Callable[[], Made]) -> Made:
    """Call `attempt`; retry it after rate limits, server errors and concurrent commits by others."""
    import stamina

    # No time limit: an upload may have taken hours before its commit is refused, and retrying does not repeat it.
    caller = stamina.RetryingCaller(attempts=_ATTEMPTS, timeout=None, wait_initial=1.0, wait_max=30.0)
    return caller(_wait, attempt)


def _wait(error: Exception) -> bool | float:
    """Return True or False for whether to retry, or the seconds to wait first if the Hub states them."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    error = _cause(error)
    if isinstance(error, httpx2.TransportError | json.JSONDecodeError):  # JSON: a proxy's page
        return True
    if not isinstance(error, HfHubHTTPError):
        return False
    status, headers = error.response.status_code, error.response.headers
    if status not in (408, 409, 412, 429) and status < 500:
        return False
    limit = parse_ratelimit_headers(headers)
    asked = headers.get("Retry-After", "")
    seconds = float(asked) if asked.isdigit() else float(limit.reset_in_seconds) if limit and status == 429 else None
    detail(f"the Hub answers {status}; trying again" + (f" in {seconds:g} seconds" if seconds is not None else ""))
    return True if seconds is None else seconds


def _cause(error: Exception) -> Exception:
    """Unwrap the error in which huggingface_hub reports a failed upload or download."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    wraps = isinstance(error, RuntimeError | LocalEntryNotFoundError)
    return error.__cause__ if wraps and isinstance(error.__cause__, Exception) else error


@contextmanager
def upload_bars() -> Iterator[None]:
    """Show huggingface_hub's progress bars only on a terminal and without --quiet."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    hidden = (output.quiet or not sys.stderr.isatty()) and not are_progress_bars_disabled()
    if hidden:
        disable_progress_bars()
    try:
        yield
    finally:
        if hidden:
            enable_progress_bars()


@contextmanager
def clear_errors(endpoint: str, repo: str, doing: Literal["push", "pull"] = "push") -> Iterator[None]:
    """Turn the client's errors into one-line messages for the user."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except InfogapError:
        raise
    except Exception as raised:
        error = _cause(raised)
        if isinstance(error, OfflineModeIsEnabled):
            raise ExternalError(f"HF_HUB_OFFLINE is set: unset it to {doing}") from raised
        if isinstance(error, httpx2.TransportError | json.JSONDecodeError):
            reason = str(error) or type(error).__name__
            raise ExternalError(
                f"the Hub at {endpoint} does not answer ({reason}); {doing} again once it does"
            ) from raised
        if isinstance(error, HfHubHTTPError):
            raise ExternalError(_refusal(error, endpoint, repo, doing)) from raised
        if isinstance(error, HFValidationError):
            raise InputError(" ".join(str(error).split())) from raised
        if isinstance(error, httpx2.InvalidURL):
            raise InputError(f"the Hub has no address for {repo}: {error}") from raised
        if isinstance(error, ValueError) and "metadata" in str(error):
            raise InputError(f"the Hub does not accept the card: {' '.join(str(error).split())}") from raised
        raise


def _refusal(error: Any, endpoint: str, repo: str, doing: str) -> str:
    status = error.response.status_code
    message = error.server_message or error.response.reason_phrase
    if status in (401, 403, 404):
        access = "write" if doing == "push" else "read"
        return (
            f"the Hub does not let you {access} {repo} ({status}: {message}): set HF_TOKEN to a token with "
            f"{access} access, or log in with `hf auth login`"
        )
    if status == 412:
        return f"others keep committing to {repo}; push again when they are done"
    if status == 429:
        return f"the Hub at {endpoint} limits your requests ({message}); {doing} again in a few minutes"
    if status < 500:
        return f"the Hub at {endpoint} refuses the {doing} ({status}: {message})"
    return f"the Hub at {endpoint} failed ({status}: {message}); {doing} again later"
