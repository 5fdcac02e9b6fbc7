r"""Grade mathematical answers: read both, compare them with Math-Verify, and confirm what it finds equal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from math_verify import verify

from infogap.text.stated_answers import normalised, unwrapped
from infogap.verify.base import Grade, Item, no_answer, right_or_wrong, ungradable
from infogap.verify.condition_sets import as_set
from infogap.verify.math_confirmation import confirmed, same_sets
from infogap.verify.math_verify_patch import expressions, with_distinct_capitals
from infogap.verify.reading.answer_reader import Based, Clock, Condition, Dotted, Form, Maths, Words, read
from infogap.verify.reading.closing_answer import closing_answer, said_alone
from infogap.verify.reading.decimal_commas import DECIMAL_COMMA, with_decimal_comma
from infogap.verify.reading.labelled_parts import paired_parts
from infogap.verify.reading.named_values import value_asked_for
from infogap.verify.reading.numerals import exactly, rational
from infogap.verify.reading.option_values import as_option_values
from infogap.verify.reading.residues import Residue
from infogap.verify.reading.units import conflicting

_NAME = re.compile(r"[A-Za-z]['′]*")
_UNREAD = ("the answer is no mathematics that can be compared", "the answer cannot be read as mathematics")
_BASE_NAMES = {2: "binary", 8: "octal", 16: "hexadecimal"}
_BASE_WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 12: "twelve"}
_OF_SETS = re.compile(r"\\(?:cup|cap|setminus|emptyset|infty)(?![a-z])|\\mathbb")
_SOMETHING = re.compile(r"[\w∞∅½-¾⅐-⅞\\]")
_RATIO = re.compile(r"[\w)}]\s*:\s*[\w({\\]")
_SAME_TEXT = re.compile(r"\s+")


def grade(item: Item) -> Grade:
    """Grade an item `correct` where the answer certainly is the gold answer, as mathematics or as words.

    Where no answer is stated, the result in the last line counts.
    """
    gold = item.gold
    if gold is None:
        return ungradable("the task has no gold answer", item.answer)
    if not _SOMETHING.search(gold):
        return ungradable(f"the gold answer {gold!r:.60} cannot be read", item.answer)
    if not item.stated and normalised(item.answer) != normalised(gold):
        closing = closing_answer(item.answer)
        if closing is None:
            return no_answer()
        item = replace(item, answer=closing)
    graded = _graded(item, gold)
    return graded if graded.verdict != "wrong" else _read_otherwise(graded, item, gold)


def _read_otherwise(wrong: Grade, item: Item, gold: str) -> Grade:
    """Grade an answer that was found wrong by what else it may say; `wrong` if it says nothing else."""
    for one, other, shown in _other_readings(item, gold):
        again = _graded(replace(item, answer=other), one)
        if again.verdict == "correct":
            return replace(again, answer=shown)
    parts = paired_parts(gold, item.answer)
    if parts and all(_graded(replace(item, answer=said), part).verdict == "correct" for part, said in parts):
        return right_or_wrong(True, item)
    if not item.stated and (wrong.detail or "").endswith(_UNREAD):
        return no_answer()  # a last line of prose may mean anything
    if with_decimal_comma(item.answer, gold, item.question):
        return ungradable(DECIMAL_COMMA, item.answer)
    return wrong


def _other_readings(item: Item, gold: str) -> Iterator[tuple[str, str, str]]:
    """Yield what else gold answer and answer may say, with the answer to show."""
    if alone := said_alone(item.answer):
        yield gold, alone, alone
    if "=" in gold and "=" not in item.answer and (named := said_alone(gold)):
        yield named, item.answer, item.answer  # "Area = 5"
    values = value_asked_for(gold, item.question), value_asked_for(item.answer, item.question)
    if (values[0] is None) != (values[1] is None):  # of two equations nothing else is known
        yield values[0] or gold, values[1] or item.answer, item.answer
    if options := as_option_values(gold, item.answer, item.question):
        yield *options, item.answer


def _graded(item: Item, gold: str) -> Grade:
    right = _at_a_glance(item.answer, gold)
    if right is not None:  # true of most answers, which spares them sympy
        return right_or_wrong(right, item)
    try:
        return _compared(read(gold), read(item.answer), item)
    except (MemoryError, RecursionError) as error:
        return ungradable(f"comparing the answers took too much memory ({type(error).__name__})", item.answer)
    except Exception as error:  # sympy raises whatever it likes on expressions that it cannot compare
        return right_or_wrong(False, item, f"the answers cannot be compared ({type(error).__name__})")


def _at_a_glance(answer: str, gold: str) -> bool | None:
    """Whether the answer is right, where the text alone shows it; None where it does not."""
    answer, gold = unwrapped(answer), unwrapped(gold)
    if answer == gold:
        return True
    if _NAME.fullmatch(answer) and _NAME.fullmatch(gold):
        return False  # Math-Verify does not tell A from a, nor x from x'
    ours, theirs = rational(answer), rational(gold)
    return None if ours is None or theirs is None else ours == theirs


def _compared(gold: Form, answer: Form, item: Item) -> Grade:
    if isinstance(gold, Based) or isinstance(answer, Based):
        return right_or_wrong(*_in_bases(gold, answer, item))
    if isinstance(gold, Clock) or isinstance(answer, Clock):
        return right_or_wrong(*_at_times(gold, answer, item))
    if isinstance(gold, Dotted | Residue) or isinstance(answer, Dotted | Residue):
        return right_or_wrong(gold.equals(answer) if isinstance(gold, Residue) else gold == answer, item)
    if isinstance(gold, Words) or isinstance(answer, Words):
        if isinstance(gold, Words) and isinstance(answer, Words):
            return right_or_wrong(bool(gold.text) and gold.text == answer.text, item)
        which = "the gold answer is" if isinstance(gold, Words) else "the answer is"
        return right_or_wrong(False, item, f"{which} no mathematics that can be compared")
    return right_or_wrong(*_as_mathematics(gold, answer, item))


def _in_bases(gold: Form, answer: Form, item: Item) -> tuple[bool, Item, str | None]:
    """Compare digits to a base: both must name it, unless the question does."""
    if isinstance(gold, Based) and isinstance(answer, Based):
        return gold == answer, item, None
    based, other = (gold, answer) if isinstance(gold, Based) else (answer, gold)
    assert isinstance(based, Based)
    if not isinstance(other, Maths) or other.latex.upper().lstrip("0") != based.digits:
        return False, item, "one of the two answers is to another base"
    if based.base == 10 or re.search(_naming(based.base), item.question, re.IGNORECASE):
        return True, item, None
    return False, item, f"only one of the two answers names its base, {based.base}"


def _naming(base: int) -> str:
    names = [str(base), *([_BASE_WORDS[base]] if base in _BASE_WORDS else [])]
    named = rf"\bbase[\s$\\{{(-]*(?:{'|'.join(names)})\b"
    return rf"{named}|\b{_BASE_NAMES[base]}" if base in _BASE_NAMES else named


def _at_times(gold: Form, answer: Form, item: Item) -> tuple[bool, Item, str | None]:
    if isinstance(gold, Clock) and isinstance(answer, Clock):
        if gold.half == answer.half:
            return gold.seconds == answer.seconds, item, None
        return (
            False,
            item,
            "the answers differ in am and pm" if gold.seconds != answer.seconds else "only one says am or pm",
        )
    return False, item, "only one of the two answers is a time of day"


def _as_mathematics(gold: Form, answer: Form, item: Item) -> tuple[bool, Item, str | None]:
    assert isinstance(gold, Maths | Condition) and isinstance(answer, Maths | Condition)
    if isinstance(gold, Maths) and isinstance(answer, Maths):
        if apart := _of_other_kinds(gold, answer):
            return False, item, apart
        quick = _quick(gold, answer)
        if quick is not None:
            return quick, item, None
    if _is_set(gold) or _is_set(answer):
        equal = None if _squeezed(answer.latex) in _squeezed(item.question) else _by_sets(gold, answer)
        if equal is not None:
            return equal, item, None
    if _joints(gold) != _joints(answer):
        return False, item, "the conditions are joined in another way"
    one, other = with_distinct_capitals(gold.latex, answer.latex)
    theirs = _expressions(one)
    ours = expressions(other)
    if not theirs or not ours:
        which = "the answer" if theirs else "the gold answer"
        same_text = bool(one) and _SAME_TEXT.sub("", one) == _SAME_TEXT.sub("", other)
        return same_text, item, None if same_text else f"{which} cannot be read as mathematics"
    return _equal(theirs, ours, _shares(gold, answer)), item, None


def _equal(golds: list[Any], answers: list[Any], shares: tuple[bool, bool]) -> bool:
    """Whether Math-Verify finds both equal and that is confirmed; 5 % may be 5 or 0.05."""
    if _confirmed_by_math_verify(golds, answers):
        return True
    if shares[0] == shares[1]:
        return False
    hundredths = [value / 100 for value in (answers if shares[1] else golds)]
    return _confirmed_by_math_verify(golds, hundredths) if shares[1] else _confirmed_by_math_verify(hundredths, answers)


def _confirmed_by_math_verify(golds: list[Any], answers: list[Any]) -> bool:
    return any(
        confirmed(gold, answer)
        for gold in golds
        for answer in answers
        if _is_complex(gold) or _is_complex(answer) or verify(gold, answer, timeout_seconds=None)
    )


def _is_complex(value: Any) -> bool:
    """Whether it contains i, which Math-Verify does not know; the confirmation alone then decides."""
    return any(symbol.name == "i" for symbol in getattr(value, "free_symbols", ()))


def _shares(gold: Form, answer: Form) -> tuple[bool, bool]:
    return isinstance(gold, Maths) and gold.percent, isinstance(answer, Maths) and answer.percent


def _quick(gold: Maths, answer: Maths) -> bool | None:
    """Whether two decimals or fractions are equal, or two texts the same; None for anything else."""
    if gold.unit and not answer.unit and _SAME_TEXT.sub("", gold.latex + gold.unit) == _SAME_TEXT.sub("", answer.latex):
        return True
    if gold.percent == answer.percent:
        if _SAME_TEXT.sub("", gold.latex) == _SAME_TEXT.sub("", answer.latex):
            return True
        values = exactly(gold.latex), exactly(answer.latex)
        return None if values[0] is None or values[1] is None else values[0] == values[1]
    return None


def _of_other_kinds(gold: Maths, answer: Maths) -> str | None:
    """Say why two values cannot be equal whatever their numbers: other units, or a ratio and a number, as 5:1 and 5."""
    if conflicting(gold.unit, answer.unit):
        return f"the units differ: {answer.unit} and {gold.unit}"
    shapes = {_shape(form.latex) for form in (gold, answer)} - {""}
    if len(shapes) > 1:
        return "one of the two answers is a set, the other an ordered list or an interval, or a set of sets"
    ratios = [_RATIO.search(form.latex) is not None for form in (gold, answer)]
    return "only one of the two answers is a ratio" if ratios[0] != ratios[1] else None


def _shape(latex: str) -> str:
    """Return the brackets around a collection, `{` twice for sets in a set; '' for a bare list or value."""
    if latex.strip() == r"\emptyset":
        return "nothing"
    text = latex.replace("\\{", "{").replace("\\}", "}").strip() if latex.startswith("\\{") else latex.strip()
    if text[:1] not in ("{", "(", "[") or ("," not in text and "emptyset" not in text):
        return ""
    ends = max(text.rfind(")"), text.rfind("]"), text.rfind("}"))
    if ends < len(text) - 1 or _depth_falls(text):
        return ""
    return "".join(sign for sign in text[:2] if sign == "{") or "("


def _depth_falls(text: str) -> bool:
    """Whether the brackets with which a text begins close before its end."""
    depth = 0
    for sign in text[:-1]:
        depth += (sign in "([{") - (sign in ")]}")
        if not depth:
            return True
    return False


def _squeezed(text: str) -> str:
    """Drop a text's spaces and delimiters: an inequality that only repeats the question solves nothing."""
    return re.sub(r"\s|\\(?:left|right)(?![a-z])|[$\\]", "", text)


def _is_set(form: Maths | Condition) -> bool:
    return isinstance(form, Condition) or _OF_SETS.search(form.latex) is not None


def _by_sets(gold: Maths | Condition, answer: Maths | Condition) -> bool | None:
    """Whether two conditions, or a condition and a set, hold for the same numbers; None if that is not known."""
    sets = as_set(gold), as_set(answer)
    if sets[0] is None or sets[1] is None:
        return None
    variables = {sets[0][0], sets[1][0]} - {""}
    return len(variables) <= 1 and same_sets(sets[0][1], sets[1][1])


def _joints(form: Maths | Condition) -> list[int]:
    return sorted(len(parts) for parts in form.alternatives) if isinstance(form, Condition) else [1]


@lru_cache(maxsize=256)  # a task's traces follow each other
def _expressions(latex: str) -> list[Any]:
    return expressions(latex)
