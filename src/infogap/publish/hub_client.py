"""Connect to the Hub: create the client, and turn failures into clear errors."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from infogap.console import output
from infogap.errors import ExternalError, InfogapError, InputError
from infogap.publish.hub_retries import cause

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def hub_client() -> HfApi:
    """Return a client for the Hub at HF_ENDPOINT.

    Raises InputError if HF_ENDPOINT is not an address, or the token has characters that a token cannot have.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    if endpoint:
        _check_address(endpoint)
    from huggingface_hub import HfApi, get_token

    if not re.fullmatch(r"[!-~]*", get_token() or ""):
        raise InputError("the token (from HF_TOKEN or `hf auth login`) contains characters that are not allowed")
    return HfApi(endpoint=endpoint or None, library_name="infogap")


def _check_address(endpoint: str) -> None:
    try:
        address = urlsplit(endpoint)
        sound = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:  # such as a port above 65535 or an unmatched bracket
        sound = False
    if not sound or not re.fullmatch(r"[!-~]+", endpoint):
        raise InputError(f"HF_ENDPOINT is '{endpoint}', not an address such as https://huggingface.co")


@contextmanager
def transfer_bars(shown: bool = True) -> Iterator[None]:
    """Show huggingface_hub's progress bars, if at all, only on a terminal and without --quiet."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    hidden = (output.quiet or not shown or not sys.stderr.isatty()) and not are_progress_bars_disabled()
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
        error = cause(raised)
        if isinstance(error, OfflineModeIsEnabled):
            raise ExternalError(f"HF_HUB_OFFLINE is set: unset it to {doing}") from raised
        if isinstance(error, httpx2.TransportError | json.JSONDecodeError | ConnectionError):
            reason = str(error) or type(error).__name__
            raise ExternalError(
                f"the Hub at {endpoint} does not answer ({reason}); {doing} again once it does"
            ) from raised
        if isinstance(error, HfHubHTTPError):
            raise ExternalError(_refusal(error, endpoint, repo, doing)) from raised
        if isinstance(error, PermissionError) and type(error).__module__ == "hf_xet":
            raise ExternalError(f"the Hub at {endpoint} refuses the {doing} ({error})") from raised
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
