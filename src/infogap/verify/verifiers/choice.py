"""Grade answers to multiple-choice questions: an option's letter, or its text."""

from __future__ import annotations

import re

from infogap.text.answer_objects import answer_in_object
from infogap.text.characters import without_end_tokens
from infogap.text.option_parser import named_option, options
from infogap.text.stated_answers import MAX_ANSWER, every_stated, stated
from infogap.verify.base import Grade, Item, Verifier, no_answer, right_or_wrong, too_long, ungradable
from infogap.verify.gold_answers import final_answer_in, not_one_answer

NO_OPTIONS = (
    "the question has no options A, B, ..., so that the answer has to be a letter: write the letter, or map `options` "
    "to the column that has them"
)
NOT_AN_OPTION = "the answer is neither the letter nor the text of one option"
_BETWEEN = re.compile(r"\s*(?:[,;/&]|\b(?:and|or)\b)\s*", re.IGNORECASE)
_CONCLUDING = re.compile(r"(?:so|thus|hence|therefore)\b[,:]?\s+", re.IGNORECASE)


class Choice(Verifier):
    """Correct where the answer names the gold option; the gold answer is a letter or an option's text."""

    needs_worker = False
    is_equality = True
    needs_options = True
    reads_last_line = True

    def grade(self, item: Item) -> Grade:
        if item.gold is None:
            return ungradable("the task has no gold answer", item.answer)
        offered = options(item.question)
        gold = named_option(item.gold, offered)
        if gold is None:
            return ungradable(f"the gold answer {item.gold[:40]!r} is none of the question's options", item.answer)
        chosen = named_option(item.answer, offered)
        if chosen is None and not item.stated and (concluding := _CONCLUDING.match(item.answer)):
            chosen = named_option(item.answer[concluding.end() :].rstrip("."), offered)
        if chosen is None and not item.stated:
            return no_answer()
        return right_or_wrong(chosen == gold, item, None if chosen else "the answer names none of the options")

    def check_gold(self, question: str, gold: str) -> str | None:
        return too_long(gold) or not_one_answer(gold) or _not_an_option(question, gold)

    def gold_answer(self, question: str, gold: str) -> str:
        """Return the option's letter, for its text too; the unchanged answer if it names no option."""
        gold = final_answer_in(gold)
        return named_option(gold, options(question)) or gold

    def final_answer(self, response: str, question: str, *, cut: bool) -> str | None:
        """Return the last stated answer that names an option: a box may hold something else, a speed."""
        answer = stated(response, cut=cut)
        if answer is None or cut or "<answer>" in response.lower() or answer_in_object(response):
            return answer
        offered = options(question)
        if _several(answer, offered):
            return answer
        every = reversed(every_stated(without_end_tokens(response)))
        return next((each for each in every if len(each) <= MAX_ANSWER and named_option(each, offered)), answer)


def _several(answer: str, offered: dict[str, str]) -> bool:
    """Whether an answer lists options, as two boxes joined by "or" do: it names none of them alone."""
    listed = [part for part in _BETWEEN.split(answer) if part.strip()]
    return (
        len(listed) > 1
        and named_option(answer, offered) is None
        and all(named_option(each, offered) for each in listed)
    )


def _not_an_option(question: str, gold: str) -> str | None:
    offered = options(question)
    if named_option(gold, offered):
        return None
    return NOT_AN_OPTION if offered else NO_OPTIONS


VERIFIER = Choice()
