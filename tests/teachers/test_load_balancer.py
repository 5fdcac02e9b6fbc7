"""Which server is asked next."""

from __future__ import annotations

import pytest

from infogap.teachers.openai import load_balancer as fleet
from infogap.teachers.openai.load_balancer import Fleet, Server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def chosen(servers: Fleet, *tried: Server) -> Server:
    server = servers.choose(tried)
    assert server is not None
    return server


def test_the_least_busy_is_chosen_and_ties_go_round() -> None:
    servers = Fleet(["http://a/v1/", "http://b/v1"])
    a, b = servers.servers
    assert a.url == "http://a/v1"
    assert [chosen(servers) for _ in range(4)] == [a, b, a, b]
    a.in_flight = 3
    assert [chosen(servers) for _ in range(2)] == [b, b]


def test_a_server_where_the_request_failed_comes_last() -> None:
    servers = Fleet(["http://a", "http://b"])
    a, b = servers.servers
    b.in_flight = 9
    assert servers.choose(failed=[a]) is b
    assert servers.choose(failed=[a, b]) is a


def test_left_out_until_its_time_is_over_then_tried_by_one_request(clock: list[float]) -> None:
    servers = Fleet(["http://a", "http://b"])
    a, b = servers.servers
    b.in_flight = 9
    servers.unreachable(a, "refused")
    assert chosen(servers) is b
    clock[0] += fleet.LEFT_OUT_SECONDS
    assert [chosen(servers) for _ in range(3)] == [a, b, b]
    servers.connected(a)
    assert chosen(servers) is a


def test_one_that_gives_no_answers_is_left_out_until_it_gives_one(clock: list[float]) -> None:
    servers = Fleet(["http://a", "http://b"])
    a, b = servers.servers
    b.in_flight = 9
    for _ in range(fleet.FAILURES_IN_A_ROW - 1):
        servers.failed(a, "no answer")
    assert chosen(servers) is a
    servers.failed(a, "no answer")
    servers.connected(a)  # which a server that hangs does too
    assert chosen(servers) is b
    servers.answered(a)
    assert chosen(servers) is a
    servers.failed(a, "no answer")
    assert chosen(servers) is a


def test_one_that_takes_no_request_is_not_back_with_a_connection(clock: list[float]) -> None:
    servers = Fleet(["http://a", "http://b"])
    a, b = servers.servers
    servers.unusable(a, "404")
    servers.connected(a)
    assert [chosen(servers) for _ in range(3)] == [b, b, b]


def test_one_that_was_cut_off_and_is_started_again_is_back_with_its_first_connection(clock: list[float]) -> None:
    servers = Fleet(["http://a", "http://b"])
    a, b = servers.servers
    b.in_flight = 9
    for _ in range(fleet.FAILURES_IN_A_ROW):
        servers.failed(a, "dropped the connection")
    servers.unreachable(a, "refused")
    servers.connected(a)
    assert chosen(servers) is a


def test_where_all_are_left_out_each_is_still_tried_once() -> None:
    servers = Fleet(["http://a", "http://b"])
    a, b = servers.servers
    servers.unreachable(a, "refused")
    servers.unreachable(b, "refused")
    first = chosen(servers)
    second = chosen(servers, first)
    assert {first.url, second.url} == {"http://a", "http://b"}
    assert servers.choose([first, second]) is None
