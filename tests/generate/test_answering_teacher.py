"""One teacher is open at a time, and what fails is blamed on the one that failed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from generate.several_teachers import make_run
from infogap.errors import ExternalError, InputError
from infogap.generate import STAGE
from infogap.generate.answering_teacher import AnsweringTeacher, OneOpenTeacher, TeacherFailedError, answering_teachers
from infogap.interrupts import Stopping
from infogap.recipe.teacher_section import AnyTeacher
from infogap.teachers import Completion, Request
from infogap.teachers.base import Resolve

ROUNDS = "{samples: 1, until: {correct: 2, max_attempts: 3}, privileges: [unguided]}"


class Wrong:
    """Answers everything with the same wrong number, and notes when it is opened and closed."""

    name = "m"

    def __init__(self, events: list[str], top_p: float) -> None:
        self._events, self._top_p = events, top_p
        events.append(f"open {top_p}")

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            yield Completion(request.request_id, "", r"\boxed{0}", "stop", 5, 2)

    def close(self) -> None:
        self._events.append(f"close {self._top_p}")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is opened and closed; a teacher is known by its top_p, and 0.4 cannot be opened."""
    noted: list[str] = []

    def opening(settings: AnyTeacher, _resolve: Resolve) -> Wrong:
        if settings.sampling.top_p == 0.4:
            raise InputError("the key is not set")
        return Wrong(noted, settings.sampling.top_p)

    monkeypatch.setattr("infogap.generate.answering_teacher.open_teacher", opening)
    return noted


def two(folder: Path, one: float, other: float) -> tuple[AnsweringTeacher, AnsweringTeacher]:
    first, second = answering_teachers(make_run(folder, urls(), ROUNDS, *settings(one, other)))
    return first, second


def urls() -> dict[str, str]:
    return dict.fromkeys(("one", "other"), "http://localhost:1/v1")


def settings(one: float, other: float) -> tuple[str, str]:
    return f"teachers.one.sampling.top_p={one}", f"teachers.other.sampling.top_p={other}"


def request() -> Request:
    return Request("id", [{"role": "user", "content": "2?"}], 1)


def test_each_is_closed_before_the_next_is_opened_and_an_open_one_goes_on(tmp_path: Path, events: list[str]) -> None:
    STAGE.make(make_run(tmp_path, urls(), ROUNDS, *settings(0.1, 0.2)))  # three rounds
    loads = ["0.1", "0.2", "0.1", "0.2"]
    assert events == [f"{what} {top_p}" for top_p in loads for what in ("open", "close")]


def test_a_finished_run_opens_nobody(tmp_path: Path, events: list[str]) -> None:
    run = make_run(tmp_path, urls(), ROUNDS, *settings(0.1, 0.2))
    STAGE.make(run)
    events.clear()
    STAGE.make(run)
    assert events == []


def test_wrong_settings_end_the_command_and_name_the_teacher(tmp_path: Path, events: list[str]) -> None:
    with pytest.raises(InputError, match="teacher other: the key is not set"):
        STAGE.make(make_run(tmp_path, urls(), ROUNDS, *settings(0.1, 0.4)))
    assert events == ["open 0.1", "close 0.1"]


def test_what_reading_the_requests_raises_is_no_failure_of_the_teacher(tmp_path: Path, events: list[str]) -> None:
    teacher, _ = two(tmp_path, 0.1, 0.2)
    disk = ExternalError("the disk is full")

    def requests() -> Iterator[Request]:
        yield request()
        raise disk

    opened = OneOpenTeacher(Path)
    answers = opened.answers(teacher, requests(), Stopping(60))
    assert next(answers).request_id == "id"
    with pytest.raises(ExternalError) as raised:
        next(answers)
    assert raised.value is disk
    assert not isinstance(raised.value, TeacherFailedError)
    opened.close()
    assert events == ["open 0.1", "close 0.1"]
