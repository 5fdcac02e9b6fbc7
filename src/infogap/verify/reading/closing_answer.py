"""Read the result in the last line of a response that states no answer."""

from __future__ import annotations

import re

from infogap.text.characters import half_width, visible
from infogap.text.stated_answers import MAX_ANSWER, is_denied, stated, unwrapped, without_reason

_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_EQUALS = r"(?<![<>!/\\=])=(?![=>/])"
_COPULA = re.compile(
    r"(?:\b(?:is|are|was|were|equals?(?:\s+to)?|be|becomes?|gives?|gets?|yields?|costs?|have|has|makes?|a\s+total\s+of|totals|totall?ed|takes?|left\s+with"
    rf"|we\s+find)\b|{_EQUALS}|≈|(?<!\d)(?<!\d\s):)\s*",
    re.IGNORECASE,
)
_SIGNS = re.compile(r"[\d=^\\√π∞∅°+*/<>²³½-¾]")
_ONE_NUMBER = re.compile(r"[-+−]?\s?(?:[$€£¥]\s?)?\d[\d,.]*(?:\s?(?:%|\^?°))?")
_NO_RESULT = re.compile(
    r"\b(?:not|between|least|most|than|to|over|under|above|below|from|within|step|part|case|equation|question|problem|number|no"
    r"|but|except|exceeds?|lacks?|misses|reach(?:es)?|beyond|until|before|after|without|past)\W*$",
    re.IGNORECASE,
)
_DASH = re.compile(r"[-−]\s")
_OPERATORS = re.compile(r"[-+*/=^×·÷√π!<>\\²³½-¾/:∶→⇒\u2208-\u220d\u2213-\u22ff]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\\$*(])")
_QUESTION = re.compile(r"\?[\s*_\"')]*$")
# Words that conclude: the part of a sentence before them leads up to the result.
_CONCLUDING = re.compile(
    r"^.*\b(?:so|thus|hence|therefore|consequently|accordingly|then|giving|making|which\s+(?:gives|means|makes|is))\b(?!\s+(?:far|much|that))[\s,:]*",
    re.IGNORECASE,
)
_FIRST_CLAUSE = re.compile(
    r"(?:since|because|as|if|when|although|though|given|while|after|before|with|without|for|by|assuming|in|to|on|using)\b"
    r"[^,=]*(?:=[^,=]*)?,(?!\d)\s*",
    re.IGNORECASE,
)
_QED = re.compile(r"(?:[\s.$]*(?:∎|■|□|◻|\$?\\(?:blacksquare|square|qed|Box)\b\$?|\bQ\.?E\.?D\b\.?))+[\s.]*$")
_CALCULATION = re.compile(r"<<[^<>]*>>")  # as in GSM8K: 4+2=<<4+2=6>>6
_HYPOTHESIS = re.compile(
    r"\b(?:suppos\w+|assume|imagine|pretend|what\s+if)\b|^\s*(?:were|had)\s|^\s*if\b[^,]*\b(?:were|had)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"(?:if|let|when|whenever|unless|whether|say|were|given|in\s+case|provided|only\s+if|for|at|with|by|using|since|because)\b",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"\b(?:not|never|cannot|neither|nor|none|nobody|nothing|nowhere|hardly|scarcely|impossible|incorrect\w*|wrong\w*|false|untrue"
    r"|contradict\w*|fails?|failed|unlikely|doubt\w*|unsure|uncertain|mistak\w+|reject\w*|extraneous|excluded?|exclud\w+|might|may"
    r"|could|whether|naive\w*|used\s+to|(?:prove|asked)\s+that|perhaps|maybe|possibly|can\s+be|would\s+have|differs?|isnt|doesnt|cant|wont|anything\s+but|other\s+than|no(?!\s*[,.:]))\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
# What joins a result to another one.
_JOINS = re.compile(
    r"\b(?:and|or|but|while|whereas|with|when|whenever|where|if|unless|for|as\s+well\s+as)\b|[;&∨∧]|,(?!\d{3}(?!\d))|=>|⇒|→"
    r"|\\(?:lor|land|vee|wedge|q?quad|text|mathrm|implies|Rightarrow|Leftrightarrow|iff|\\)|/\s*[A-Za-z]\s*$",
    re.IGNORECASE,
)
_NAME = r"[A-Za-z](?:_\w|_\{\w+\}|[₀-₉]+)?"
_OR = r"(?:\s*[,;]?\s*(?:\\text\s*\{\s*)?\b(?:and|or)\b(?:\s*\})?\s*|\s*[,;]\s*)"
_EQUATIONS = re.compile(rf"(?<![A-Za-z\\+*/^(-])(?<![+*/^-]\s){_NAME}\s*=[^=,;]+(?:{_OR}{_NAME}\s*=[^=,;]+)+$")
_LONGEST_EQUATIONS = 300
_BETWEEN_RESULTS = re.compile(r"[\s,;]*(?:(?:and|or|or\s+else|as\s+well\s+as|&|/|∨|∧)[\s,;]*)?")
_CONTINUES = re.compile(r"(?:and|or|but|out|to|if|when|where|unless|with|for)\b")
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|mathrm)\s*\{([^{}]*)\}")
_MARKS = re.compile(r"(?<!\s)\*\*(?=[\s,.;:]|$)|(?:^|(?<=\s))\*\*(?!\s)|^[\s✅✔✓☑🎉]+")
_WORDED = re.compile(
    r"[A-Za-z]{2,}\s[^=≈]{0,120}?\b(?:is|are|was|were|equals|has|have|costs?|be|total\s+of)\b", re.IGNORECASE
)
# The name of a quantity, as in "Area of ABC = 5"; "Let y = 5" supposes it.
_NAMED = re.compile(
    r"(?:m?\s*\\(?:angle|measuredangle)\s*\{?[A-Z]{1,3}\}?"
    r"|(?!(?:let|put|set|take|try|say|show|prove|check|verify|test|claim|guess|assum|suppos|given|when|where|with|for)\w*\s)"
    rf"[A-Za-z]{{3,}}(?:\s+(?:[A-Za-z]{{2,}}|[A-Z]))*)\s*{_EQUALS}\s*(?=[^=]+$)",
)
_RELATIVE = re.compile(r"\b(?:which|that|whose|who|where|such|with)\b", re.IGNORECASE)
_SUM = re.compile(r"(?:[\d\s+*/×÷().-]+=)+\s*(?=[-+]?[\d.]+$)")


def closing_answer(line: str) -> str | None:
    """Return the result that a last line states; None if it states none, denies it or only supposes it.

    "So there are 4 + 5 = 9 apples left." states 9 apples, "Therefore the length is 2√3." states 2√3, and a line that is
    only an expression states it. A line with one number, and no word that changes it, states that number. If a line
    states two results, "x = 2 or y = 3", the answer is both, or there is none.
    """
    line = unwrapped(visible(half_width(line)))[-MAX_ANSWER:]
    line = _QED.sub("", line).rstrip()
    line = _CALCULATION.sub("", line) if "<<" in line else line
    clause = None if not _SIGNS.search(line) or _QUESTION.search(line) else _clause(line)
    return None if clause is None else _concluded(clause)


def said_alone(answer: str) -> str | None:
    """Return the bare value of a longer stated answer: "17, since 8 + 9 = 17", "The total is 17"; else None."""
    text = _TEXT_COMMAND.sub(r"\1", _MARKS.sub("", answer)) if len(answer) <= MAX_ANSWER else ""
    text = without_reason(stated(text) or text).strip()
    if sentence := _WORDED.match(text):
        said = None if _RELATIVE.search(sentence[0]) else closing_answer(text)
        text = without_reason(said) if said else text
    elif (name := _NAMED.match(text)) and not is_denied(name[0]) and not _JOINS.search(text[name.end() :]):
        text = text[name.end() :]
    text = unwrapped(text[total.end() :] if (total := _SUM.match(text)) else text)
    return text if text and text != answer else None


def _concluded(clause: str) -> str | None:
    """Return the result that a clause states: in bold, as a formula, after "is", or as its only number."""
    if bold := [match for match in _BOLD.finditer(clause) if _SIGNS.search(match[1])]:
        return _last_of(clause, bold, whole=True)
    if formulas := list(_FORMULA.finditer(clause)):
        return _last_of(clause, formulas, whole=False)
    if len(clause) <= _LONGEST_EQUATIONS and (equations := _EQUATIONS.search(clause)):
        return equations[0].strip(" .*")
    parts = _COPULA.split(clause)
    if len(parts) == 1:
        only_signs = not re.search(r"[A-Za-z]{2,}", re.sub(r"\\[A-Za-z]+", " ", clause))
        return _after_equals(clause) if only_signs else _one_number(clause)
    said = next((part for part in reversed(parts) if part.strip()), "").strip(" .*")
    before = clause[: [*_COPULA.finditer(clause)][-1].start()]
    several = is_denied(before) or any(_JOINS.search(_without_groups(part)) for part in parts[1:-1])
    return said if _SIGNS.search(said) and not several else None


def _clause(line: str) -> str | None:
    """Return the clause of a line that concludes; None if it denies or supposes what it says."""
    sentences = _SENTENCE.split(line)
    if any(sentence.count("$") % 2 for sentence in sentences):
        sentences = [line]
    last = max(place for place, sentence in enumerate(sentences) if _SIGNS.search(sentence))
    if _HYPOTHESIS.search(sentences[last]) or any(_DENIED.search(after) for after in sentences[last + 1 :]):
        return None
    clause = without_reason(sentences[last])
    for opening in (_CONCLUDING, _FIRST_CLAUSE):
        rest = clause[match.end() :] if (match := opening.match(clause)) else ""
        clause = rest if _SIGNS.search(rest) else clause
    if _DENIED.search(clause):
        return None
    if _CONDITION.match(clause) and len(_COPULA.findall(clause)) < 2:
        return None
    return clause


def _last_of(clause: str, matches: list[re.Match[str]], *, whole: bool) -> str | None:
    """Return the last formula, or the last text in bold, together with those joined to it."""
    last = matches[-1]
    tail = clause[last.end() :].strip(" .*")
    if is_denied(clause[: last.start()]) or any(sign.isdigit() for sign in tail) or _CONTINUES.match(tail):
        return None
    said = next(group for group in last.groups() if group is not None)
    joined = [said]
    for one, after in zip(matches[-2::-1], matches[:0:-1], strict=True):
        between = clause[one.end() : after.start()]
        if not _BETWEEN_RESULTS.fullmatch(between):
            break
        joined.insert(0, next(group for group in one.groups() if group is not None))
    if len(joined) > 1:
        return " or ".join(joined) if all(_result(one) == one for one in joined) else None
    if re.search(r"[$*)\]\d]\s*(?:\b(?:and|or)|[,;])\s*$", clause[: last.start()]):
        return None
    before = clause[matches[-2].start() : last.start()] if len(matches) > 1 else ""
    if re.search(r"[=\d]", before) and re.search(r"\b(?:and|or|but|while|whereas|when|where|if|unless|with)\b", before):
        return None
    return closing_answer(said) if whole else _after_equals(said)


def _result(formula: str) -> str | None:
    """Return a formula that is one result, an expression or `x = 5`; else None."""
    return formula if _after_equals(formula) == formula else None


def _one_number(line: str) -> str | None:
    numbers = _ONE_NUMBER.findall(line)
    if len(numbers) != 1 or _OPERATORS.search(line.replace(numbers[0], " ")):
        return None
    start = line.index(numbers[0])
    if (dash := _DASH.match(numbers[0])) and line[:start].strip():
        start += dash.end()  # "Answer - 42" is no negative number
    return None if _NO_RESULT.search(line[:start]) else line[start:].strip(" .*") or None


def _after_equals(text: str) -> str | None:
    """Return the last side of a chain of equations; equations for variables are returned whole."""
    text = re.sub(r"\\not\s*=|=/=|/=", r"\\ne ", text)
    if len(text) <= _LONGEST_EQUATIONS and _EQUATIONS.fullmatch(text.strip()):
        return text
    sides = re.split(rf"{_EQUALS}|≈|\\approx", text)
    if any(_JOINS.search(_without_groups(side)) for side in sides[1:-1]):
        return None
    return (
        sides[-1].strip()
        if len(sides) > 2 or (len(sides) == 2 and not re.fullmatch(r"\s*[A-Za-z]\w?\s*", sides[0]))
        else text
    )


def _without_groups(text: str) -> str:
    """Remove the parentheses of a text: a comma in f(2, 3) joins nothing."""
    return re.sub(r"\([^()]*\)", " ", text) if "(" in text else text
