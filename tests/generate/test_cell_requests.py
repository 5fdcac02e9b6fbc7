"""What is asked next of a task under a privilege: bounded, and decided by verdicts alone."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infogap.generate.cell_requests import due, satisfied
from infogap.generate.earlier_rounds import EarlierTrace
from infogap.recipe.generate_section import Generate
from infogap.recipe.privilege_entries import PrivilegeUse

VERDICTS = ("correct", "wrong", "no_answer", "truncated", "ungradable")


def generate(**keys: Any) -> Generate:
    return Generate.model_validate({"privileges": ["unguided", "verifier", "peers"], **keys})


def use(name: str, **options: Any) -> PrivilegeUse:
    return Generate.model_validate({"privileges": ["unguided", {name: options}]}).uses[1]


def made(sample: int, verdict: str, round_: int = 0) -> EarlierTrace:
    return EarlierTrace(f"{sample}.{round_}", None, sample, round_, verdict, 0)


UNTIL = st.builds(
    lambda correct, more: {"correct": correct, "max_attempts": correct + more}, st.integers(1, 4), st.integers(3, 12)
)


@given(samples=st.integers(1, 4), until=st.none() | UNTIL, turns=st.integers(1, 4), random=st.randoms())
def test_a_cell_ends_and_never_exceeds_its_attempts(
    samples: int, until: dict[str, int] | None, turns: int, random: Random
) -> None:
    recipe = generate(samples=samples, until=until)
    cell = use("verifier", turns=turns)
    attempts = [made(0, "wrong"), made(1, "wrong")]
    traces: list[EarlierTrace] = []
    for round_ in range(1, 100):
        shuffled = random.sample(traces, len(traces))
        asks = due(cell, recipe.samples, recipe.until, shuffled, attempts)
        assert asks == due(cell, recipe.samples, recipe.until, traces, attempts)
        if not asks:
            break
        assert len({ask.sample for ask in asks}) == len(asks)
        traces += [made(ask.sample, random.choice(VERDICTS), round_) for ask in asks]
    else:
        raise AssertionError("the cell does not end")
    chains = {sample: [t for t in traces if t.sample == sample] for sample in {t.sample for t in traces}}
    for chain in chains.values():
        assert len(chain) <= turns
        assert all(trace.verdict == "wrong" for trace in chain[:-1])
    if until is None:
        assert len(chains) == samples
    else:
        assert len(traces) <= until["max_attempts"]
        assert satisfied(recipe.until, traces) or len(traces) == until["max_attempts"]  # type: ignore[arg-type]


def test_the_first_batch_comes_whole_and_the_next_ones_until_enough_are_correct() -> None:
    recipe = generate(samples=2, until={"correct": 2, "max_attempts": 5})
    unguided = use("solution")
    assert [ask.sample for ask in due(unguided, recipe.samples, recipe.until, [])] == [0, 1]
    one = [made(0, "wrong"), made(1, "correct")]
    assert [ask.sample for ask in due(unguided, recipe.samples, recipe.until, one)] == [2, 3]
    assert due(unguided, recipe.samples, recipe.until, [*one, made(2, "correct", 1), made(3, "wrong", 1)]) == []
    still_one = [*one, made(2, "wrong", 1), made(3, "ungradable", 1)]
    assert [ask.sample for ask in due(unguided, recipe.samples, recipe.until, still_one)] == [
        4
    ]  # no more than five attempts
    assert due(unguided, recipe.samples, recipe.until, [*still_one, made(4, "wrong", 2)]) == []


def test_a_teacher_is_shown_its_wrong_attempts_one_after_the_other() -> None:
    recipe, cell = generate(samples=3), use("verifier", turns=3)
    attempts = [made(0, "correct"), made(1, "wrong"), made(2, "truncated"), made(3, "wrong")]
    first = due(cell, recipe.samples, recipe.until, [], attempts)
    assert [[shown.sample for shown in ask.attempts] for ask in first] == [[1], [3], [1]]
    tried = [made(0, "wrong", 1), made(1, "correct", 1), made(2, "no_answer", 1)]
    second = due(cell, recipe.samples, recipe.until, tried, attempts)
    assert [(ask.sample, ask.turn, ask.attempts) for ask in second] == [(0, 1, (attempts[1], tried[0]))]


def test_peers_are_a_right_attempt_and_a_wrong_one_if_there_is_one() -> None:
    recipe = generate(samples=2)
    right, wrong = made(0, "correct"), made(1, "wrong")
    assert [ask.attempts for ask in due(use("peers"), recipe.samples, recipe.until, [], [right, wrong])] == [
        (right, wrong)
    ] * 2
    assert [ask.attempts for ask in due(use("peers"), recipe.samples, recipe.until, [], [right])] == [(right,)] * 2
    assert [ask.attempts for ask in due(use("peers"), recipe.samples, recipe.until, [], [wrong])] == [()] * 2


def test_what_needs_no_attempt_is_shown_none() -> None:
    assert [ask.attempts for ask in due(use("solution"), 2, None, [], [made(0, "correct")])] == [(), ()]


def test_nothing_is_asked_once_enough_is_correct_not_even_a_next_turn() -> None:
    recipe, cell = generate(samples=2, until={"correct": 1, "max_attempts": 8}), use("verifier", turns=3)
    tried = [made(0, "wrong", 1), made(1, "correct", 1)]
    assert due(cell, recipe.samples, recipe.until, tried, [made(0, "wrong")]) == []
