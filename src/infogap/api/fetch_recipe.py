"""Fetch a recipe from the Hub or the web, within limits of size and time."""

from __future__ import annotations

import os
import re
import time
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from infogap.errors import ExternalError, InputError
from infogap.recipe.recipe_files import Origin, RecipeText

MOST_BYTES = 256 << 10  # of a recipe, which a person is to read
MOST_SECONDS = 30.0
_MOST_REDIRECTS = 5
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_HUB = re.compile(
    r"hf://((?P<kind>datasets|models|spaces)/)?(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^/]+))?/(?P<path>.+\.ya?ml)"
)
_FORM = "hf://org/name@revision/path.yaml or https://host/path.yaml"
_MISSING, _NO_ACCESS, _REDIRECTS = (404, 410), (401, 403), (301, 302, 303, 307, 308)
_SERVER_FAILED, _TOO_MANY = 500, 429


def is_address(text: str) -> bool:
    """Return whether a recipe's name is an address rather than a file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def fetch_recipe(address: str, *, trusted: bool = False) -> RecipeText:
    """Fetch a recipe from `hf://org/name@revision/path.yaml` (a dataset repository) or an https:// address.

    Nothing of it is run. The origin that is remembered names the Hub's commit, and a web address without its query.

    Raises InputError for an address that is none or leads to no recipe, ExternalError if the server fails, is slow,
    or sends more than a recipe's size.
    """
    if address.startswith("hf://"):
        return _from_hub(address, trusted=trusted)
    _check_web_address(address, address)
    content, _ = _get(address, {})
    parts = urlsplit(address)
    origin = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))  # a query can hold a key
    return _recipe(content, origin, parts.path, trusted=trusted)


def _from_hub(address: str, *, trusted: bool) -> RecipeText:
    from huggingface_hub import constants, hf_hub_url
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    match = _HUB.fullmatch(address)
    if match is None or ".." in match["path"].split("/"):
        raise InputError(f"{address} is not an address of a recipe; write {_FORM}")
    if constants.is_offline_mode():
        raise ExternalError(f"HF_HUB_OFFLINE is set: unset it to fetch {address}")
    kind = match["kind"] or "datasets"
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    try:
        url = hf_hub_url(
            match["repo"],
            match["path"],
            repo_type=constants.REPO_TYPES_MAPPING[kind],
            revision=match["revision"] or "main",
            endpoint=endpoint,
        )
    except HFValidationError as error:
        raise InputError(" ".join(str(error).split())) from error
    content, headers = _get(url, build_hf_headers(library_name="infogap"), shown=address)
    commit = headers.get("X-Repo-Commit", match["revision"] or "main")
    return _recipe(content, f"hf://{kind}/{match['repo']}@{commit}/{match['path']}", match["path"], trusted=trusted)


def _recipe(content: bytes, origin: str, path: str, *, trusted: bool) -> RecipeText:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{origin} is not a recipe: it is not UTF-8") from error
    return RecipeText(text, path.rsplit("/", 1)[-1], Origin(origin, sha256(content).hexdigest()), trusted)


def _check_web_address(url: str, shown: str) -> None:
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username
    except ValueError:  # an open bracket
        raise InputError(f"{shown} is not an address; write {_FORM}") from None
    if parts.scheme not in ("https", "http") or not host:
        raise InputError(f"{shown}: recipes are read from files, or fetched from {_FORM}")
    if user is not None:
        raise InputError("an address with a user or password in it is not fetched: it would be kept in the run")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise InputError(f"{shown} is not encrypted, so anyone on the way could change the recipe; use https://")


def _get(url: str, headers: dict[str, str], shown: str | None = None) -> tuple[bytes, Any]:
    """Return a file's bytes and the headers of the first response; `headers` go to the first host alone."""
    import httpx2

    shown = shown or url.split("?", maxsplit=1)[0]
    deadline = time.monotonic() + MOST_SECONDS
    given, first = headers | {"Accept-Encoding": "identity"}, None
    try:
        with httpx2.Client(timeout=httpx2.Timeout(10.0), follow_redirects=False) as client:
            for _ in range(_MOST_REDIRECTS + 1):
                with client.stream("GET", url, headers=given) as response:
                    first = first or response.headers
                    if response.status_code not in _REDIRECTS:
                        _check_status(response.status_code, shown)
                        return _read(response, deadline, shown), first
                    target = urljoin(url, response.headers.get("Location", ""))
                if urlsplit(target).netloc != urlsplit(url).netloc:
                    _check_web_address(target, f"{shown} leads to {target.split('?')[0]}, which")
                    given = {"Accept-Encoding": "identity"}
                url = target
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise ExternalError(f"cannot fetch {shown}: {error or type(error).__name__}; try again") from error
    raise ExternalError(f"{shown} redirects more than {_MOST_REDIRECTS} times")


def _check_status(status: int, shown: str) -> None:
    if status in _MISSING:
        raise InputError(f"there is no recipe {shown} ({status})")
    if status in _NO_ACCESS:
        raise InputError(f"{shown} may not be read ({status}); on the Hub, set HF_TOKEN or log in with `hf auth login`")
    if status == _TOO_MANY or status >= _SERVER_FAILED:
        raise ExternalError(f"cannot fetch {shown}: the server answers {status}; try again")
    if status != 200:
        raise InputError(f"cannot fetch {shown}: the server answers {status}")


def _read(response: Any, deadline: float, shown: str) -> bytes:
    content = b""
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise InputError(f"{shown} is larger than {MOST_BYTES >> 10} KiB, the most that is fetched as a recipe")
        if time.monotonic() > deadline:
            raise ExternalError(f"{shown} did not arrive within {MOST_SECONDS:g} seconds; try again")
    return content
