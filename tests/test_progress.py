"""Progress is shown with what is done, how fast, and how long the rest takes; nothing of it under --quiet."""

from __future__ import annotations

import pytest

from infogap import progress as module
from infogap.console import speaking
from infogap.progress import figure, progress


class Clock:
    """A clock that the test moves."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def test_lines_tell_rate_totals_and_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with speaking(quiet=False), progress("generate", 1_000, "traces", done=100) as advance:
        clock.now += 10
        advance(50, tokens=5_000)
        assert capsys.readouterr().err == ""  # it is too early for a line
        clock.now += 10
        advance(50, tokens=5_000)
        assert capsys.readouterr().err == "generate  200/1,000 5.0 traces/s, 500 tokens/s, 0:02:40 left\n"
        clock.now += 180
        advance(800)
    assert capsys.readouterr().err.splitlines()[-1] == "generate  1,000/1,000 4.5 traces/s, 50.0 tokens/s"


@pytest.mark.parametrize(("quiet", "total"), [(True, 5), (False, 0)])
def test_nothing_is_shown_if_nobody_asks_or_nothing_is_to_do(
    quiet: bool, total: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with speaking(quiet=quiet), progress("verify", total, "traces") as advance:
        advance(total, tokens=1)
    assert capsys.readouterr().err == ""


def test_what_was_done_before_has_no_rate(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with speaking(quiet=False), progress("verify", 5, "traces", done=5):
        clock.now += 3
    assert capsys.readouterr().err == "verify    5/5 traces\n"


@pytest.mark.parametrize(("number", "text"), [(12.34, "12.3"), (0.04, "0.0"), (99.94, "99.9"), (1_234.5, "1,234")])
def test_figures_are_short(number: float, text: str) -> None:
    assert figure(number) == text
