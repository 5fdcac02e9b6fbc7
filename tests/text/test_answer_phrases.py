"""Sentences that state an answer in the languages of MGSM and others."""

from __future__ import annotations

import pytest

from infogap.text.answer_phrases import in_other_languages
from infogap.text.stated_answers import stated
from infogap.verify.base import Grade
from infogap.verify.grade_traces import prepared
from infogap.verify.verifiers import grade

STATES_42 = [
    "La respuesta es 42.",
    "Respuesta final: **42**",
    "La réponse est 42.",
    "Réponse : 42",
    "Die Antwort lautet 42.",
    "A resposta é 42.",
    "La risposta è 42.",
    "Het antwoord is 42.",
    "Jibu ni 42.",
    "Đáp số: 42",
    "Cevap: 42",
    "Odpowiedź to 42.",
    "Ответ — 42.",
    "答えは42です。",
    "정답은 42입니다.",
    "الجواب هو 42",
    "الإجابة النهائية هي 42.",
    "उत्तर है 42।",
    "उत्तर 42 है।",
    "উত্তর হল 42।",
    "సమాధానం 42.",
    "คำตอบคือ 42",
    "La respuesta es 41. Comprobemos.\nLa respuesta es 42.",
]
STATES_NONE = [
    "La respuesta no es 42.",
    "Die Antwort ist nicht 42.",
    "答えは42ではない。",
    "Si la respuesta es 42, entonces sobra uno.",
    "正解は42じゃない。",
    "उत्तर 42 नहीं है।",
    "Ответ не 42.",
    "الإجابة ليست 42",
    "La respuesta es \\boxed{4",
]


@pytest.mark.parametrize("sentence", STATES_42)
def test_the_answer_of_a_sentence(sentence: str) -> None:
    assert stated(f"6 × 7 = 42\n{sentence}\n...") == "42"


@pytest.mark.parametrize("sentence", STATES_NONE)
def test_an_answer_that_is_denied_supposed_or_cut_is_none(sentence: str) -> None:
    assert stated(f"6 × 7\n{sentence}\n...") is None


@pytest.mark.parametrize(
    "sentence", ["故选B。", "故选：B", "所以选（B）", "应选 B。", "因此，正确选项为 B。", "La bonne réponse est B."]
)
def test_the_option_of_a_sentence(sentence: str) -> None:
    assert graded("choice", "B", sentence).verdict == "correct"


@pytest.mark.parametrize("text", ["所以选A的人有5个", "他的答案选择很多"])
def test_a_letter_within_a_sentence_is_no_option(text: str) -> None:
    assert list(in_other_languages(text)) == []


@pytest.mark.parametrize("line", ["Жалпы саны 42 болады", "총 42개가 아니다", "合計は42ではない"])
def test_a_last_line_that_cannot_be_read_states_nothing(line: str) -> None:
    assert graded("math", "42", f"6 × 7\n{line}").verdict == "no_answer"


def graded(verifier: str, gold: str, response: str) -> Grade:
    question = "Which?\nA. Paris\nB. London\nC. Berlin"
    task = {"task_id": "t", "question": question, "answer": gold, "verifier": verifier, "metadata": None}
    found = prepared(task, {"error": None, "response": response, "reasoning": None, "finish_reason": "stop"})
    return found if isinstance(found, Grade) else grade(found)


@pytest.mark.parametrize(
    "response",
    [
        "Solución:\nPrimero sumamos 40 y 2.\n40 + 2 = 42",
        "解答：由题意得 40 + 2，\n所以 40 + 2 = 42",
        "Antwort:\nZuerst zählen wir 40 Äpfel und dann noch zwei weitere dazu\n40 + 2 = 42",
    ],
)
def test_the_heading_of_a_solution_states_no_answer(response: str) -> None:
    assert stated(response) is None
