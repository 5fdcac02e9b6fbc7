from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.leaks.leak_scan import KINDS, load_leaks
from infogap.leaks.references import References
from infogap.leaks.scanned_trace import ContextKind, ScannedTrace, held_answer, plain_lower
from infogap.privileges.ladder import ladder

_LEAKS = load_leaks()
_LABELLED = Path(__file__).with_name("leaks_labelled.jsonl")
_DOCS = Path(__file__).parents[2] / "docs" / "leaks.md"
_PRECISION, _RECALL = 0.95, 0.9
_ROWS = [json.loads(line) for line in _LABELLED.read_text("utf-8").splitlines()]


def _kind(privilege: str) -> ContextKind:
    """What contexts of a privilege hold; nothing is known of those of a condition that the ladder does not have."""
    return {each.name: ContextKind.of(each) for each in ladder()}.get(privilege, ContextKind())


def _kinds(text: str, question: str = "What is x?", held_answer: str | None = None) -> list[str]:
    return [leak["kind"] for leak in _LEAKS.find(ScannedTrace(text, question, held_answer=held_answer)).leaks]


def test_precision_and_recall_on_the_labelled_traces(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = Counter[tuple[str, bool]]()
    for row in _ROWS:
        trace = ScannedTrace.of(row["text"], row["question"], row["context"], row["gold"], _kind(row["privilege"]))
        outcomes[row["kind"] or "none", bool(_LEAKS.find(trace).leaks)] += 1
    found = {kind: (outcomes[kind, True], outcomes[kind, True] + outcomes[kind, False]) for kind in (*KINDS, "none")}
    right, wrong = sum(found[kind][0] for kind in KINDS), found["none"][0]
    leaking = sum(found[kind][1] for kind in KINDS)
    precision, recall = right / (right + wrong), right / leaking
    with capsys.disabled():
        by_kind = ", ".join(f"{kind} {hits}/{all_}" for kind, (hits, all_) in found.items() if kind in KINDS)
        sys.stdout.write(f"\nleaks: precision {precision:.3f}, recall {recall:.3f} ({by_kind})\n")
    # docs/leaks.md tells these figures.
    told = f"{len(_ROWS)} traces, {leaking} of them leaking: precision {precision:.3f}, recall {recall:.3f}"
    assert told in " ".join(_DOCS.read_text("utf-8").split())
    assert len(_ROWS) >= 200
    assert 0.4 <= leaking / len(_ROWS) <= 0.65
    assert precision >= _PRECISION
    assert recall >= _RECALL
    assert all(hits >= 0.8 * all_ for kind, (hits, all_) in found.items() if kind in KINDS)


@pytest.mark.parametrize(
    "text",
    [
        "This agrees with the provided solution.",
        "which matches the given answer, 12",
        "As the hint says, we factor first.",
        "According to the\nsolution, x = 3.",
        "The correct answer is stated as 12.",
        "Since we know the answer is 12, we work backwards.",
        "I was told that the final answer is 12, so",
        "the reference solution uses induction",
        "The solution says to substitute.",
        "This is the answer provided.",
        "to match the expected answer, 7",
        "checking against the answer key",
        "根据提供的答案，我们得到",
        "参考答案是5",
    ],
)
def test_references_to_what_the_student_cannot_see(text: str) -> None:
    whole = f"Let me see. {text}"
    found = _LEAKS.find(ScannedTrace(whole, "What is x?")).leaks
    assert found
    for leak in found:
        assert leak["kind"] == "reference"
        assert whole[leak["start"] : leak["end"]] == leak["evidence"]


@pytest.mark.parametrize(
    "text",
    [
        "So the answer is 12. The solution of the equation is x = 3.",
        "Among the given answer choices, (B) fits.",
        "Given the information provided, the solutions are 2 and 3.",
        "According to the Remainder Theorem, the answer follows.",
        "We are given that x = 3; the final answer is 12.",
        "I check the solution by substituting it: the known solution holds.",
        "To find the answer, note the explanation below.",
        "We are told that the answer is an integer.",
        "",
    ],
)
def test_ordinary_reasoning_is_no_leak(text: str) -> None:
    assert _kinds(text) == []


def test_what_the_question_itself_says_is_no_leak() -> None:
    question = "The given  solution contains 20% salt. Use the hint: factor."
    assert _kinds("The given solution holds salt. The hint is to factor.", question) == []
    assert _kinds("The given solution holds salt. The answer key too.", question) == ["reference"]


def test_a_question_accounts_for_words_that_it_says_itself() -> None:
    question = "The official count of bees was 12. What is twice that?"
    assert _kinds("Twice the official count, 12, is 24, which matches the official count.", question) == []
    assert _kinds("Twice 12 is 24, which matches the official answer.", "What is twice 12?") == ["reference"]


def test_who_was_told_nothing_refers_to_nothing() -> None:
    text = "As the provided solution says, 24. <|im_end|>"
    kinds = {}
    for privilege in ("unguided", "unknown"):
        result = _LEAKS.find(ScannedTrace(text, "What is twice 12?", kind=_kind(privilege)))
        kinds[privilege] = [leak["kind"] for leak in result.leaks]
    assert kinds == {"unguided": ["chat_artefact"], "unknown": ["reference", "chat_artefact"]}


_CONTEXT = "The first friend finds an empty room and shakes nobody's hand, and the second one shakes just one hand."


def test_copying_is_measured_against_the_context_without_the_question() -> None:
    text = f"I think so. {_CONTEXT} Done, then."
    found = _LEAKS.find(ScannedTrace(text, "How many?", _CONTEXT))
    (leak,) = found.leaks
    assert (leak["kind"], leak["evidence"]) == ("copying", _CONTEXT.rstrip("."))
    copied = len(_CONTEXT.replace("'", " ").split())
    assert found.longest_copy == copied
    assert found.copied_share == (copied - 7) / (copied + 5 - 7)

    found = _LEAKS.find(ScannedTrace(text, f"{_CONTEXT} How many?", _CONTEXT))
    assert (found.leaks, found.copied_share) == ([], 0.0)
    found = _LEAKS.find(ScannedTrace(text, "How many?", None, kind=_kind("unguided")))
    assert (found.leaks, found.copied_share, found.longest_copy) == ([], None, None)
    found = _LEAKS.find(ScannedTrace("Shakes just one hand, I think.", "How many?", _CONTEXT))
    assert (found.leaks, found.copied_share, found.longest_copy) == ([], None, 4)


def test_an_answer_comes_first_only_for_who_was_shown_it() -> None:
    text = "The answer is 42. Let me explain: 6 times 7."
    assert _kinds(text, "What is 6 x 7?", held_answer="42") == ["answer_first"]
    assert _kinds(text, "What is 6 x 7?") == []
    assert _kinds("6 times 7 is six sevens. The answer is 42.", "What is 6 x 7?", held_answer="42") == []


@pytest.mark.parametrize(
    ("text", "whole", "cut"),
    [
        ("a_1 = -25, d = 75, so a_6 = 3", ["decoy"], []),  # of 350
        ("a_1 = -25, d = 75. The answer is 3", ["decoy"], []),
        ("a_1 = -25, d = 75, so \\boxed{3}. Let me write", ["decoy"], ["decoy"]),
    ],
)
def test_a_decoys_answer_at_the_end_of_a_truncated_trace_may_go_on(text: str, whole: list[str], cut: list[str]) -> None:
    for is_cut, expected in ((False, whole), (True, cut)):
        of = (text, "What is the sixth term?", "The final answer:\n3", "350", _kind("decoy_answer"))
        assert [leak["kind"] for leak in _LEAKS.find(ScannedTrace.of(*of, cut=is_cut)).leaks] == expected


def test_a_decoys_answer_is_a_leak_where_it_is_the_final_one() -> None:
    trace = ScannedTrace.of(
        "3 + 4 = 7, and 2 more make 9. \\boxed{8}", "3 + 4 + 2?", "The final answer:\n8", "9", _kind("decoy_answer")
    )
    assert trace.held_answer == "8"
    assert [leak["kind"] for leak in _LEAKS.find(trace).leaks] == ["decoy"]
    trace = ScannedTrace.of(
        "3 + 4 + 1 = 8, one more: \\boxed{9}", "3 + 4 + 2?", "The final answer:\n8", "9", _kind("decoy_answer")
    )
    assert _LEAKS.find(trace).leaks == []


@pytest.mark.parametrize(
    ("privilege", "context", "gold", "held"),
    [
        ("unguided", None, "5", None),
        ("answer", "The final answer:\n5", "5", "5"),
        ("solution", "A solution:\nAs 2 + 3 = 5, it is $\\boxed{5}$.", "5", "5"),
        ("solution", "A solution:\nIt is $\\frac{5}{36}$.", "5/36", "5/36"),
        ("mine", "You may use that 4 is even.", "5", None),
        ("hint", "The beginning of a solution:\nAdd 5.", "5", None),
        ("masked_solution", "A solution, its values blanked out:\nx^5 = □.", "5", None),
        ("verifier", "An earlier attempt of your own (verdict: wrong):\n5 - 1 = \\boxed{4}", "5", None),
        ("verifier", "An earlier attempt of your own (verdict: wrong):\n\\boxed{4}\n\nThe final answer:\n5", "5", "5"),
        ("decoy_answer", "Correct solution: 6", "5", "6"),
        ("decoy_solution", "A solution:\nSeven jars.\nSo \\boxed{7}.", "5", "7"),
        ("irrelevant", "A solution:\nThe mill stands by the brook.", "5", None),
    ],
)
def test_the_answer_that_a_context_holds(privilege: str, context: str | None, gold: str, held: str | None) -> None:
    assert held_answer(_kind(privilege), context, gold) == held


_PIECES = ["the ", "given ", "answer ", "x " * 200, "hint ", "provided ", "\n", "is 5. ", "参考答案", "İ", "5", "’s "]


@given(
    st.lists(st.sampled_from(_PIECES), max_size=30),
    st.one_of(st.none(), st.lists(st.sampled_from(_PIECES), max_size=30)),
    st.lists(st.sampled_from(_PIECES), max_size=5),
)
def test_leaks_lie_in_the_text_and_shares_are_shares(
    text: list[str], context: list[str] | None, question: list[str]
) -> None:
    shown = None if context is None else "".join(context)
    trace = ScannedTrace("".join(text), "".join(question), shown, "5", "5" if shown else None)
    found = _LEAKS.find(trace)
    for leak in found.leaks:
        assert 0 <= leak["start"] < leak["end"] <= len(trace.text)
        assert trace.text[leak["start"] : leak["end"]] == leak["evidence"]
        assert leak["kind"] in KINDS
    assert found.copied_share is None or 0 <= found.copied_share <= 1
    if shown is None:
        assert found.copied_share is found.longest_copy is None
        assert {leak["kind"] for leak in found.leaks} <= {"reference", "chat_artefact"}


@pytest.mark.parametrize("space", [" ", "\n", "\u00a0", "\u2009", "\u3000"])
def test_searching_near_words_finds_what_searching_everything_finds(space: str) -> None:
    lowered = plain_lower(" ".join(row["text"] for row in _ROWS).replace(" ", space))
    every = References(_LEAKS.rules).matches(lowered)
    for rule, matches in zip(_LEAKS.rules.rules, every, strict=True):
        if space != " " and any(" " in word for word in (*rule.words, *rule.also)):
            continue  # these words have a space of the ordinary kind
        assert [match.span() for match in matches] == [match.span() for match in rule.pattern.finditer(lowered)]


@pytest.mark.parametrize("passage", ["As the hint says, ", "0 ", "一二三"])
def test_a_megabyte_that_repeats_itself_costs_no_more_than_its_length(passage: str) -> None:
    text = passage * (1_000_000 // len(passage))
    found = _LEAKS.find(ScannedTrace(text, "What is x?", text[:5_000], "5", "5", _kind("decoy_answer")))
    assert found.longest_copy is not None


def test_every_rule_and_kind_is_in_the_docs() -> None:
    docs = _DOCS.read_text("utf-8")
    for rule in _LEAKS.rules.rules:
        assert f"`{rule.name}`" in docs, rule.name
    for kind in KINDS:
        assert f"`{kind}`" in docs, kind
