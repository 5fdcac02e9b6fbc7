"""The server over real HTTP: who is let in, what answers say, and what a changed run does."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.in_process import infogap
from infogap.errors import InputError
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MIX, TRACES
from infogap.view.local_server import listen, view_app
from infogap.view.request_checks import HEADERS
from publish.small_run import build_run
from servers.serve import serve

TOKEN = "a-token-of-this-test"
_COOKIE = {"Cookie": f"infogap_view_7575={TOKEN}"}
Answer = tuple[int, dict[str, str], str]


class Client:
    """Sends requests with exactly the headers that a test names."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc

    def ask(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        connection.request(method, path, body, _COOKIE if headers is None else headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, text

    def json(self, path: str) -> tuple[int, dict[str, object]]:
        status, _, text = self.ask(path)
        return status, json.loads(text)


@pytest.fixture(scope="module")
def client(viewed: Run) -> Iterator[Client]:
    with serve(view_app(viewed, TOKEN, 7575)) as url:
        yield Client(url)


def test_the_link_gives_a_cookie_and_forgets_the_token(client: Client) -> None:
    status, headers, _ = client.ask(f"/?token={TOKEN}", {})
    assert (status, headers["location"]) == (303, "/")
    assert headers["set-cookie"] == f"infogap_view_7575={TOKEN}; HttpOnly; Path=/; SameSite=lax"
    assert client.ask("/")[0] == 200
    assert client.ask("/api/run", {"Authorization": f"Bearer {TOKEN}"})[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/start.js", "/api/run", "/api/traces", "/?token=", "/?token=wrong", "/api/run?token=" + TOKEN]
)
@pytest.mark.parametrize("headers", [{}, {"Cookie": "infogap_view_7575=wrong"}, {"Authorization": "Bearer "}])
def test_without_the_token_there_is_nothing(client: Client, path: str, headers: dict[str, str]) -> None:
    status, given, text = client.ask(path, headers)
    assert (status, given["content-type"]) == (403, "text/plain; charset=utf-8")
    assert "open the link" in text
    assert TOKEN not in text + str(given)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7575", "[::1", "10.0.0.1:7575", ""]
)
def test_a_name_that_was_rebound_to_this_machine_is_refused(client: Client, host: str) -> None:
    assert client.ask("/api/run", {**_COOKIE, "Host": host})[0] == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:7575", "[::1]:7575"])
def test_a_forwarded_port_of_this_machine_is_served(client: Client, host: str) -> None:
    assert client.ask("/api/run", {**_COOKIE, "Host": host})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_page_of_another_origin_is_refused(client: Client, headers: dict[str, str], method: str) -> None:
    assert client.ask("/api/annotation/x", {**_COOKIE, **headers}, method, '{"tag": "", "note": ""}')[0] == 403


def test_its_own_page_is_served_and_nothing_else_may_load(client: Client) -> None:
    status, headers, text = client.ask("/", {**_COOKIE, "Origin": f"http://{client.host}"})
    assert status == 200
    assert {name.lower(): value for name, value in HEADERS.items()}.items() <= headers.items()
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "style=" not in text
    assert "onclick" not in text
    assert "http" not in text


@pytest.mark.parametrize(
    "path", ["/../local_server.py", "/%2e%2e/local_server.py", "/..%2flocal_server.py", "//etc/passwd"]
)
def test_no_file_outside_the_pages_is_served(client: Client, path: str) -> None:
    assert client.ask(path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert client.ask("/api/traces", None, method)[0] == 405


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/traces?verdict=corect", "did you mean 'correct'"),
        ("/api/traces?page=0", "a whole number from 1"),
        ("/api/traces?page=x", "a whole number from 1"),
        ("/api/trace/none", "there is no trace 'none'"),
        ("/api/task/none", "there is no task 'none'"),
        ("/api/neighbours/none", "there is no trace 'none'"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(client: Client, path: str, expected: str) -> None:
    status, answer = client.json(path)
    assert status == 404
    assert expected in str(answer["error"])
    assert "\n" not in str(answer["error"])


def test_ids_and_values_of_any_characters_pass_through_an_address(client: Client) -> None:
    _, run = client.json("/api/run")
    facets = {facet["name"]: facet["values"] for facet in run["facets"]}  # type: ignore[attr-defined]
    for family in facets["family"]:
        from urllib.parse import quote

        status, answer = client.json(f"/api/traces?family={quote(family)}")
        assert status == 200
        assert answer["total"]


def test_a_run_that_changes_is_read_again(own_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infogap.view.local_server._CHECKED_EVERY", 0.0)
    with serve(view_app(own_run, TOKEN, 7575)) as url:
        client = Client(url)
        before = client.json("/api/traces")[1]
        for table in (DUPLICATES, MIX):
            for part in own_run.part_paths(table):
                part.unlink()
        after = client.json("/api/traces")[1]
        assert before["total"] == after["total"]
        run = client.json("/api/run")[1]
        values = {facet["name"]: facet["values"] for facet in run["facets"]}  # type: ignore[attr-defined]
        assert (values["duplicate"], values["mix"]) == (["not searched"], ["in no mix"])
        status, stages = client.json("/api/stages")
        assert status == 200
        assert any("dedupe is stale" in line for line in stages["stale"])  # type: ignore[attr-defined]


def test_a_table_that_is_rewritten_at_this_moment_is_an_error_in_a_line(own_run: Run) -> None:
    with serve(view_app(own_run, TOKEN, 7575)) as url:
        client = Client(url)
        _, answer = client.json("/api/traces")
        for part in own_run.part_paths(TRACES):
            part.write_bytes(b"PAR1")
        trace = answer["rows"][0]["trace_id"]  # type: ignore[index]
        status, failed = client.json(f"/api/trace/{trace}")
        assert status == 503
        assert "is damaged" in str(failed["error"])
        assert "\n" not in str(failed["error"])


def test_without_the_extra_the_command_says_what_to_install(viewed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "infogap.view.local_server")
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    ended = infogap("view", viewed.path, columns=200)
    assert ended.returncode == 2
    assert "needs starlette: pip install 'infogap[view]'" in ended.stderr


def test_a_port_that_is_taken_is_named(viewed: Run) -> None:
    with listen(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken; name another with --port"):
            listen(port)
        ended = infogap("view", viewed.path, "--port", str(port))
        assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)


def test_it_listens_on_this_machine_alone() -> None:
    with listen(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert listener.family == socket.AF_INET


def test_no_run_and_no_traces_are_one_line(tmp_path: Path) -> None:
    nowhere = infogap("view", tmp_path)
    assert nowhere.returncode == 2
    assert "is not a run folder" in nowhere.stderr
    run = build_run(tmp_path / "empty")
    for part in run.part_paths(TRACES):
        part.unlink()
    empty = infogap("view", run.path, "--port", "0", columns=400)
    assert (empty.returncode, len(empty.stderr.splitlines())) == (2, 1)
    assert "has no traces yet" in empty.stderr
