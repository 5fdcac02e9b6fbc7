"""What is retried on the Hub, after which wait, and what the user reads meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest
import stamina
from huggingface_hub import get_session
from huggingface_hub.errors import HfHubHTTPError
from hypothesis import given
from hypothesis import strategies as st

from hub.server import Hub
from infogap.console import speaking
from infogap.errors import ExternalError
from infogap.publish import STAGE, push
from infogap.publish.hub_retries import LONGEST_WAIT, Retries, retried
from infogap.runs.run_folder import Run
from publish.small_run import build_run

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = build_run(tmp_path_factory.mktemp("made"))
    STAGE.make(run)
    return run


def refusal(status: int, **headers: str) -> HfHubHTTPError:
    request = httpx2.Request("POST", "http://hub/api")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HfHubHTTPError("refused", response=httpx2.Response(status, headers=named, request=request))


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.strip().splitlines()


@pytest.mark.parametrize(
    ("status", "where", "reason"),
    [
        (429, "/repos/create", "the Hub limits your requests (429)"),
        (503, "/preupload/", "the Hub failed (503)"),
        (429, "/objects/batch", "the Hub limits your requests (429)"),
        (500, "PUT /large-files/", "the Hub failed (500)"),
        (429, "/commit/", "the Hub limits your requests (429)"),
        (412, "/commit/", "the repository was changed by others in the meantime (412)"),
    ],
)
def test_every_wait_is_one_line(
    made: Run, hub: Hub, capsys: pytest.CaptureFixture[str], status: int, where: str, reason: str
) -> None:
    hub.fail(status, where=where, headers={"Retry-After": "7"})
    with speaking(quiet=False):
        push(made)
    assert lines(capsys) == [f"{reason}; trying again in 7 s (attempt 2 of 6)"]


def test_waits_without_a_stated_time_grow(made: Run, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.fail(502, times=5, where="/refs")
    with speaking(quiet=False):
        push(made)
    told = [f"trying again in {wait} s (attempt {number} of 6)" for number, wait in enumerate((1, 2, 4, 8, 16), 2)]
    assert lines(capsys) == [f"the Hub failed (502); {each}" for each in told]


def test_quiet_is_quiet(made: Run, hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    hub.fail(429, times=2, where="/objects/batch")
    with speaking(quiet=True):
        push(made)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("clock", [timedelta(0), timedelta(days=-3), timedelta(hours=7)])
def test_a_date_is_understood_by_the_hubs_own_clock(capsys: pytest.CaptureFixture[str], clock: timedelta) -> None:
    now = datetime.now(UTC) + clock
    error = refusal(
        503,
        Date=format_datetime(now, usegmt=True),
        Retry_After=format_datetime(now + timedelta(seconds=90), usegmt=True),
    )
    answers: list[HfHubHTTPError | None] = [error, None]

    def attempt() -> str:
        if (answer := answers.pop(0)) is not None:
            raise answer
        return "done"

    with speaking(quiet=False):
        assert retried(attempt) == "done"
    assert lines(capsys) == ["the Hub failed (503); trying again in 90 s (attempt 2 of 6)"]


def test_a_date_in_the_past_and_nonsense_do_not_wait_or_fail(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [refusal(429, Retry_After=text) for text in ("Wed, 21 Oct 2015 07:28:00 GMT", "soon", "-5", "1e9", "")]

    def attempt() -> None:
        if answers:
            raise answers.pop(0)

    with speaking(quiet=False):
        retried(attempt)
    assert [line.split("again in ")[1] for line in lines(capsys)] == [
        "0 s (attempt 2 of 6)",
        "2 s (attempt 3 of 6)",
        "4 s (attempt 4 of 6)",
        "8 s (attempt 5 of 6)",
        "16 s (attempt 6 of 6)",
    ]


def test_the_reset_of_a_quota_is_the_wait(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [refusal(429, ratelimit='"api";r=0;t=250')]

    def attempt() -> None:
        if answers:
            raise answers.pop(0)

    with speaking(quiet=False):
        retried(attempt)
    assert lines(capsys) == ["the Hub limits your requests (429); trying again in 4 min (attempt 2 of 6)"]


def test_a_wait_of_more_than_an_hour_ends_the_push_and_says_when(made: Run, hub: Hub) -> None:
    hub.fail(429, times=9, where="/commit/", headers={"Retry-After": str(5 * 3600)})
    soonest = datetime.now().astimezone() + timedelta(hours=5)
    with (
        stamina.set_testing(False),
        pytest.raises(ExternalError, match=r"asks to wait for 5\.0 h: run the same") as said,
    ):
        push(made)
    assert f"{soonest:%Y-%m-%d %H:}" in str(said.value) or soonest.minute == 59
    assert hub.faults[0].times == 8 and LONGEST_WAIT == 3600


@pytest.mark.parametrize("asked", ["9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_wait_is_not_a_crash(asked: str) -> None:
    def attempt() -> None:
        raise refusal(429, Retry_After=asked)

    with pytest.raises(ExternalError, match="asks to wait for"):
        retried(attempt)


def test_huggingface_hub_does_not_wait_by_itself(made: Run, hub: Hub) -> None:
    hub.fail(429, times=3, where="/preupload/", headers={"Retry-After": "30"})
    started = time.monotonic()
    push(made)
    assert time.monotonic() - started < 20


def test_the_client_is_left_as_it_was(made: Run, hub: Hub) -> None:
    before = {name: list(hooks) for name, hooks in get_session().event_hooks.items()}
    hub.fail(500, where="/refs")
    push(made)
    assert get_session().event_hooks == before


@given(st.lists(st.booleans(), max_size=60))
def test_only_failures_in_a_row_count(outcomes: list[bool]) -> None:
    """True: a part is finished; False: the Hub fails."""
    retries, left = Retries(), list(outcomes)

    def attempt() -> str:
        while left:
            if not left.pop(0):
                raise refusal(500)
            retries.progressed()
        return "done"

    in_a_row = longest = 0
    for finished in outcomes:
        in_a_row = 0 if finished else in_a_row + 1
        longest = max(longest, in_a_row)
    with stamina.set_testing(True, attempts=100):
        if longest < 6:
            assert retries(attempt) == "done"
        else:
            with pytest.raises(HfHubHTTPError):
                retries(attempt)
