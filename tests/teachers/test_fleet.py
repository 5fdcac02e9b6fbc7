"""Which server is asked next."""

from __future__ import annotations

import pytest

from infogap.teachers import fleet
from infogap.teachers.fleet import Fleet, Server


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
    servers.leave_out(a)
    assert chosen(servers) is b
    clock[0] += fleet.LEFT_OUT_SECONDS
    assert [chosen(servers) for _ in range(3)] == [a, b, b]
    servers.take_back(a)
    assert chosen(servers) is a


def test_where_all_are_left_out_each_is_still_tried_once() -> None:
    servers = Fleet(["http://a", "http://b"])
    a, b = servers.servers
    servers.leave_out(a)
    servers.leave_out(b)
    first = chosen(servers)
    second = chosen(servers, first)
    assert {first.url, second.url} == {"http://a", "http://b"}
    assert servers.choose([first, second]) is None
