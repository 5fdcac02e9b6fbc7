"""Recipes behind addresses: fetched from real servers, within limits of size, time and redirects."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import Any

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.server import Hub
from infogap.api import fetch_recipe as module
from infogap.api.fetch_recipe import MOST_BYTES, fetch_recipe, is_address
from infogap.errors import ExternalError, InputError
from servers.serve import serve

TEXT = "name: demo\n# é\n"


@pytest.fixture
def web() -> Iterator[tuple[str, list[str | None]]]:
    """A web server, and the Authorization headers that it got."""
    keys: list[str | None] = []

    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b"#"
            await asyncio.sleep(0.05)

    async def answer(request: Request) -> Response:
        keys.append(request.headers.get("authorization"))
        headers: dict[str, str] = {}
        contents: dict[str, Any] = {
            "demo.yaml": TEXT.encode(),
            "latin.yaml": "é".encode("latin-1"),
            "large.yaml": b"#" * (MOST_BYTES + 1),
            "bomb.yaml": gzip.compress(b"#" * 10_000_000),
        }
        name = request.path_params["name"]
        if name == "bomb.yaml":
            headers["Content-Encoding"] = "gzip"
        if name in contents:
            return Response(contents[name], headers=headers)
        if name == "slow.yaml":
            return StreamingResponse(drip())
        targets = {"moved.yaml": "demo.yaml", "loop.yaml": "loop.yaml", "away.yaml": "http://example.com/x.yaml"}
        targets["file.yaml"] = "file:///etc/passwd"
        if name in targets:
            return RedirectResponse(targets[name])
        return Response(status_code=int(name.partition(".")[0]))

    with serve(Starlette(routes=[Route("/{name}", answer)])) as url:
        yield url, keys


def test_a_recipe_is_fetched_from_the_web(web: tuple[str, list[str | None]]) -> None:
    for name in ("demo.yaml", "moved.yaml"):
        recipe = fetch_recipe(f"{web[0]}/{name}?token=secret")
        assert (recipe.text, recipe.name, recipe.trusted) == (TEXT, name, False)
        assert recipe.origin is not None
        assert recipe.origin.address == f"{web[0]}/{name}"  # without its query
        assert recipe.origin.sha256 == sha256(TEXT.encode()).hexdigest()


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("large.yaml", InputError, "is larger than 256 KiB"),
        ("bomb.yaml", InputError, "is larger than 256 KiB"),
        ("latin.yaml", InputError, "is not a recipe: it is not UTF-8"),
        ("404.yaml", InputError, "there is no recipe "),
        ("401.yaml", InputError, r"may not be read \(401\)"),
        ("400.yaml", InputError, "the server answers 400"),
        ("503.yaml", ExternalError, "the server answers 503; try again"),
        ("loop.yaml", ExternalError, "redirects more than 5 times"),
        ("away.yaml", InputError, "leads to http://example.com/x.yaml, which is not encrypted"),
        ("file.yaml", InputError, "leads to file:///etc/passwd, which: recipes are read from files, or fetched from"),
        ("slow.yaml", ExternalError, "did not arrive within 0.5 seconds"),
    ],
)
def test_what_is_no_recipe_is_refused(
    web: tuple[str, list[str | None]],
    name: str,
    kind: type[Exception],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_SECONDS", 0.5 if name == "slow.yaml" else 30)
    with pytest.raises(kind, match=expected) as caught:
        fetch_recipe(f"{web[0]}/{name}")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://example.com/x.yaml", "is not encrypted"),
        ("https://user:pw@example.com/x.yaml", "an address with a user or password"),
        ("s3://bucket/x.yaml", "recipes are read from files, or fetched from"),
        ("https://[x/y.yaml", "is not an address"),
        ("hf://org/name", "is not an address of a recipe"),
        ("hf://org/name@v1/../../x.yaml", "is not an address of a recipe"),
        ("hf://org/name@v1/data.parquet", "is not an address of a recipe"),
        ("hf://org/-.-name/x.yaml", "Repo id must use alphanumeric chars"),
    ],
)
def test_addresses_that_are_not_fetched(address: str, expected: str) -> None:
    assert is_address(address)
    with pytest.raises(InputError, match=expected) as caught:
        fetch_recipe(address)
    assert "pw" not in str(caught.value)


def test_a_server_that_is_not_there_is_an_external_error() -> None:
    with pytest.raises(ExternalError, match=r"cannot fetch http://127\.0\.0\.1:1/x\.yaml: .*; try again"):
        fetch_recipe("http://127.0.0.1:1/x.yaml")


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_a_recipe_of_the_hub_is_remembered_by_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    hub = Hub()
    with serve(hub.app) as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        api = HfApi(endpoint=url, token=hub.token)
        api.create_repo("org/data", repo_type="dataset", private=True)
        commit = api.create_commit(
            "org/data",
            [CommitOperationAdd("recipes/a.yaml", TEXT.encode())],
            repo_type="dataset",
            commit_message="a recipe",
        )
        api.create_tag("org/data", repo_type="dataset", tag="v1.0.0")
        for address in ("hf://org/data/recipes/a.yaml", "hf://datasets/org/data@v1.0.0/recipes/a.yaml"):
            recipe = fetch_recipe(address, trusted=True)
            assert (recipe.text, recipe.name, recipe.trusted) == (TEXT, "a.yaml", True)
            assert recipe.origin is not None
            assert recipe.origin.address == f"hf://datasets/org/data@{commit.oid}/recipes/a.yaml"
        with pytest.raises(InputError, match=r"there is no recipe hf://org/data@v2/recipes/a\.yaml"):
            fetch_recipe("hf://org/data@v2/recipes/a.yaml")


def test_the_token_goes_to_the_first_host_alone(
    web: tuple[str, list[str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, keys = web

    async def elsewhere(request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer hf_of_a_test"
        return RedirectResponse(f"{address}/demo.yaml")

    with serve(Starlette(routes=[Route("/{path:path}", elsewhere)])) as endpoint:
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
        assert fetch_recipe("hf://org/data/a.yaml").text == TEXT
    assert keys == [None]


def test_nothing_is_fetched_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ExternalError, match="HF_HUB_OFFLINE is set"):
        fetch_recipe("hf://org/data/a.yaml")
