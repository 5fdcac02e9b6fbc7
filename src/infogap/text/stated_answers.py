r"""Extract the final answer that a response states.

The first of these counts:

0. the answer in a JSON object that is the response, or ends it: `{"answer": 42}`;
1. `\boxed{...}` (also `\fbox`) or `<answer>...</answer>`, whichever stands last; boxes joined by a comma, "and" or
   "or" are one answer;
2. `#### 42` as the last line;
3. a sentence or a heading, the last one: "the final answer is 42", "Answer: 42", "**Final answer**" with the answer
   on the next line, "答案是42"; then one in another language, "La respuesta es 42".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from infogap.text.answer_boxes import BARE_BOX, boxes_in, has_open_box, joined_boxes, last_tag, stated_boxes
from infogap.text.answer_objects import answer_in_object
from infogap.text.answer_phrases import in_other_languages
from infogap.text.characters import half_width, visible, without_end_tokens
from infogap.text.retractions import REACH, correction, is_taken_back

# What comes before an answer in a sentence; the answer itself is the rest of its line.
_STATES = r"""
    (?: (?: \s+(?:to|for|of)\b[^.:\n]{0,80}? )?
        (?: [*`\s]*(?:\b(?:is|equals)\b(?!\s+not\b(?![^.\n]{0,80}?\bbut\b))|\b(?:should|must|would|will)\s+be\b|[:：])
          | [*`]*[^\S\n]*$ )        # a heading: the answer stands below
      | [*`\s]*= )"""
_STATES_IN_CHINESE = r"\s*(?:应?[为是]|[:：])"
_STATING = rf"""
  (?:
    (?: \b(?:the|my|our)\s+(?:(?:final|correct|right|best|most\s+(?:likely|probable|appropriate))\s+)?
          (?:answer|option|choice)\b
      | (?<=[.!?;]\s)(?:\*\*)?answer\b(?=[*`\s]{{0,4}}[:：])
      | \bfinal\s+answer\b
      | ^[ \t>*\#-]{{0,12}}(?:correct\s+)?answer\b )
    {_STATES}
    [\s*`:：]*
  | (?:最终|正确)?答案{_STATES_IN_CHINESE}\s*[:：]?\s*
  )"""
_FLAGS = re.IGNORECASE | re.MULTILINE | re.VERBOSE
_BEFORE_ANSWER = re.compile(_STATING, _FLAGS)
_ANSWER_WORDS = [re.compile(word) for word in ("answer", "option", "choice", "答案")]
# What must follow such a word, whatever precedes it.
_STATED_AFTER = re.compile(rf"(?:(?:answer|option|choice)\b{_STATES}|答案{_STATES_IN_CHINESE})", _FLAGS)
_STATING_START = re.compile(r"\b[tmof]|^|(?<=[.!?;]\s)|(?=最终|正确|答案)", re.IGNORECASE | re.MULTILINE)
_STATING_REACH = 200  # characters before such a word in which a sentence that states an answer can begin
_DISPLAYED = r"\\\[[^\S\n]*\n?[\s\S]{0,2000}?\\\] | \$\$[^\S\n]*\n?[\s\S]{0,2000}?\$\$"
_SENTENCE = re.compile(_STATING + rf"({_DISPLAYED} | [^\n]*)", _FLAGS)
_SENTENCE_END = re.compile(r"(?<=\S)(?:[.!?;](?=\s|\*|$)|[。！？；])")
_ABBREVIATION = re.compile(r"(?:\b(?:approx|ca|vs|sq|cu|Rs|No|St|Mr|Mrs|Dr)|\b[A-Za-z]|\d\s*[ap]\.m)$", re.IGNORECASE)
# What shows that the statement after it is not made: "I doubt that the answer is 5", "Suppose the answer is 5".
_CLAUSE_BREAK = re.compile(
    r"[.!?;:\n]|,(?!\s*that\b)|\b(?:so(?!\s+that)|thus|hence|therefore|but|and|then|because)\b", re.I
)
_DENYING = re.compile(
    r"\b(?:not|never|cannot|cant|neither|nor|no|none|nobody|nothing|nowhere|hardly|scarcely|doubt\w*|deny|denies|unsure|uncertain"
    r"|unlikely|unclear|untrue|wrong\w*|false\w*|incorrect\w*|impossible|absurd|myth|naive\w*|used\s+to\s+think|mistak\w+|error|tempting|tempted|disprove\w*"
    r"|refute\w*|might|may|could|perhaps|maybe|possibly|suppos\w+|assum\w+|imagin\w+|pretend\w*|hypothe\w+|let['’]?s\s+say|were"
    r"|says|said|claims|claimed|thinks|thought|believes|believed|argues|argued|guesses|guessed|asserts|suspects?"
    r"|(?:some|many|most|others?|people|they|you|one|who|students?|few)\b[^.]{0,40}\b(?:say|claim|think|believe|argue|guess))\b"
    r"|n['’]t\b|^\s*say\b|\b(?:if|whether|unless|when|in\s+case|provided)\s+(?:that\s+)?$",
    re.IGNORECASE,
)
# A clause after an answer that gives a reason or a remark and does not change it.
_REMARKING = re.compile(
    r",?\s+(?:because|since)\b|,\s+as\s+(?!an?\b)|\s*\((?=(?:because|since|as)\b|not\s+[\d$\\-])|,?\s+as\s+(?:shown|required|desired|expected|claimed|needed|computed|calculated|stated|above"
    r"|before|we|was|it)\b|,?\s+which\s+(?:is|are|was|were|means|gives|follows|agrees|matches|checks|we|can|confirms|equals"
    r"|corresponds|satisfies|simplifies|suggests|indicates|implies|represents|shows)\b"
    r"|,\s+(?:obtained|corresponding|matching|confirming|satisfying|found|achieved|attained|verified|consistent)\b"
    r"|,\s+(?:and\s+)?not\s+(?=[\d$\\*-])|,?\s+(?:rather\s+than|instead\s+of)\s+(?=[\d$\\*-])"
    r"|,?\s+where\b|(?:\s+[—–-]+\s+|[—–])(?=[a-z]{3})(?!(?:arc)?(?:sin|cos|tan|cot|sec|csc|log|exp|sqrt)|(?:zero|one|two|three|four|five"
    r"|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|half|dozen|hundred|thousand|minus|plus|max|min|det|gcd|lcm)\b)"
    r"|\s*(?![✗✘❌❎])[\u2600-\u27bf\U0001f300-\U0001faff]",
    re.IGNORECASE,
)
_ANOTHER = re.compile(r"\b(?:or|also|alternatively|but|except|unless|if|until)\b|[✗✘❌❎]", re.IGNORECASE)
_REASON = re.compile(
    r",?\s+(?:because|since|as|rather|instead)\b|,\s+(?:and\s+)?not\b|\s*\((?:because|since|as|not)\b", re.IGNORECASE
)
_JOINED_ON = re.compile(r"(?:(?<![A-Za-z])(?:and|or)|,|&)[\s$*\\]*$", re.IGNORECASE)
_JOINS_ON = re.compile(r"[\s$*]*(?:and|or)\b", re.IGNORECASE)
_BEFORE_STATEMENT = 200  # characters in which its clause begins
_BULLET = re.compile(r"\s*(?:[-–•+>]\s+)+(?=\S)")  # before an answer on the line below its heading
_SAYING = re.compile(r"(?:[:：=]|\b(?:is|equals|be)|[为是])[\s*`:：]*$", re.IGNORECASE)  # before an answer on its line
_UNREAL = re.compile(r"\b(?:were|had)\b[^.!?\n]*$", re.IGNORECASE)  # "Were it odd, the answer would be 5"
_WORD = re.compile(r"\w")
_FENCE = re.compile("```")
_TITLE = re.compile(r"\b(?:St|Mr|Mrs|Ms|Dr|Prof|Mt|Ft|Fr|Gen|Capt|Sgt|Lt|Col|Rev|Hon|Messrs|Mme|Mlle)$")
MAX_ANSWER = 2_000  # characters: nothing longer is an answer, and the work would grow with its square
_WRAPPERS = (("**", "**"), ("`", "`"), ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"))
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|operatorname)\s*\{([^{}]*)\}")
_QUOTES = (("'", "'"), ('"', '"'), ("“", "”"), ("‘", "’"), ("*", "*"), ("`", "`"))


def stated(response: str, *, cut: bool = False) -> str | None:
    r"""Return the answer that a response states, without its wrapping (`$`, `**`, `\boxed`); None where it states none.

    `cut`: the response stopped at its token limit. Its last, unfinished line then holds an answer only if that is
    closed (`\boxed{...}`, `<answer>...</answer>`): "the answer is 1" may have been about to say 12.
    """
    response = without_end_tokens(response)
    finished = response[: response.rfind("\n") + 1] if cut else response
    if (value := answer_in_object(response)) is not None:
        return _explicit(value, cut=False) or _last_sentence(value) or unwrapped(value)
    explicit = _in_place_of_box(response, finished) or _explicit(response, cut)
    if explicit:
        return explicit
    closing = last_line(finished)
    if closing.startswith("####"):
        return unwrapped(closing.lstrip("#")) or None
    return _last_sentence(finished) or _elsewhere(finished)


def _elsewhere(finished: str) -> str | None:
    """Return the answer of the last sentence in another language that states one."""
    said = (unwrapped(each) for each in in_other_languages(finished) if not has_open_box(each))
    return next((each for each in said if each), None)


def _in_place_of_box(response: str, finished: str) -> str | None:
    """Return the answer of a sentence after the last box, if the text between takes the box back."""
    box = next(reversed(stated_boxes(response)), None)
    if box is None or last_tag(response, cut=False):
        return None
    after = finished[box.end :]
    place = 0 if is_taken_back(after) else correction(after)
    return None if place is None else _last_sentence(after[place:])


def _last_sentence(finished: str) -> str | None:
    """Return the answer of the last sentence or heading that states one."""
    fences = [fence.start() for fence in _FENCE.finditer(finished)]
    for match in reversed(list(_SENTENCE.finditer(finished))):
        in_code = bisect_left(fences, match.start()) % 2 == 1
        before = finished[max(0, match.start() - _BEFORE_STATEMENT) : match.start()]
        answer = _said(match, before, finished[match.end() : match.end() + REACH], in_code=in_code)
        if answer:
            return answer
    return None


def every_stated(text: str) -> list[str]:
    r"""Return every answer that a text states in a `\boxed{...}` or in a sentence, in order, without its wrapping.

    A sentence that holds a box states it once.
    """
    boxes = stated_boxes(text)
    answers = [(box.start, unwrapped(box.content)) for box in boxes]
    starts = [box.start for box in boxes]
    for match in _statings(text):
        line = text[match.end() : match.end() + MAX_ANSWER].partition("\n")[0]  # a looping trace can be one long line
        sentence = _one_sentence(line)
        boxed = bisect_left(starts, match.start()) < bisect_left(starts, match.end() + len(sentence))
        before = text[max(0, match.start() - _BEFORE_STATEMENT) : match.start()]
        if is_denied(before, line[len(sentence) :]):
            continue
        if not boxed and not _BEFORE_ANSWER.search(sentence):  # "Final answer: the answer is 42" says it once
            answers.append((match.start(), unwrapped(sentence.strip(" *`"))))
    return [answer for _, answer in sorted(answers) if answer]


def _statings(text: str) -> Iterator[re.Match[str]]:
    """Yield the matches of `_BEFORE_ANSWER`, tried only near the words that each contains: most of a trace has none."""
    lowered = text.lower()
    words = sorted(match.start() for word in _ANSWER_WORDS for match in word.finditer(lowered))
    if len(lowered) != len(text):  # one letter's lower case is two: places have moved
        yield from _BEFORE_ANSWER.finditer(text)
        return
    done = 0
    for word in words:
        if word < done or not _STATED_AFTER.match(text, word):
            continue
        for start in _STATING_START.finditer(text, max(done, word - _STATING_REACH), word + 2):
            match = _BEFORE_ANSWER.match(text, start.start())
            if match and match.end() > word:
                done = match.end()
                yield match
                break


def last_line(response: str) -> str:
    """Return the last line with text, stripped; empty where there is none. End tokens are not text."""
    lines = without_end_tokens(response).strip().splitlines()
    return lines[-1].strip() if lines else ""


def closing_lines(response: str) -> str:
    """Return the last line, with the lines before it that "or", "and" or a comma joins to it."""
    lines = [line.strip() for line in without_end_tokens(response).strip()[-MAX_ANSWER:].splitlines() if line.strip()]
    first = len(lines) - 1
    while first > 0 and (_JOINED_ON.search(lines[first - 1]) or _JOINS_ON.match(lines[first])):
        first -= 1
    return " ".join(lines[first:]) if 0 <= first < len(lines) - 1 else last_line(response)


def unwrapped(text: str) -> str:
    r"""Remove what surrounds an answer: spaces, `**`, `$`, `\(...\)`, a final full stop, `\boxed{...}`."""
    for _ in range(8):  # wrappings within wrappings, in sensible numbers
        before = text
        text = visible(text).strip()
        for opening, closing in _WRAPPERS:
            inner = text.removeprefix(opening).removesuffix(closing)
            if len(inner) == len(text) - len(opening) - len(closing) and closing not in inner:
                text = inner
        boxes = boxes_in(text)
        if len(boxes) == 1 and (boxes[0].start, boxes[0].end) == (0, len(text)):
            text = boxes[0].content
        if (
            text.endswith("。")
            or (text.endswith(",") and not text.endswith("\\,"))
            or (text.endswith(".") and not text.endswith(("..", "\\right.")))
        ):
            text = text[:-1]
        if text == before:
            break
    return text


def _explicit(response: str, cut: bool) -> str | None:
    """Return the last of all boxes and answer tags that are not empty, as a quoted `\\boxed{}` is."""
    boxes = [box for box in stated_boxes(response) if not is_taken_back(response[box.end : box.end + REACH])]
    tag = last_tag(response, cut)
    if tag and (not boxes or tag.end >= boxes[-1].end):
        return _explicit(tag.content, cut=False) or unwrapped(tag.content) or None
    if boxes:
        return unwrapped(joined_boxes(response, boxes)) or None
    bare = BARE_BOX.findall(response) if "\\boxed" in response else []
    return unwrapped(bare[-1]) or None if bare else None


def _said(match: re.Match[str], before: str, below: str, *, in_code: bool) -> str:
    """Return the answer that a line states: of "Final answer: the final answer is 42", the last that is not denied.

    Takes the text before the line, and the text below it, which may take the answer back.
    """
    said: str = match.group(1)
    opening = match.group()[: -len(said)] if said else match.group()
    statements = [(before, opening, said)]
    while len(said) <= MAX_ANSWER and (inner := _SENTENCE.search(said)):
        statements.append((said[: inner.start()], inner.group(), inner.group(1)))
        said = inner.group(1)
    for clause, opening, text in reversed(statements):
        sentence = _one_sentence(text) if len(text) <= MAX_ANSWER else text
        after = text[len(sentence) :]
        asked = after[:1] in ("?", "？") and opening.removesuffix(text).rstrip(" *`")[-1:] not in (":", "：")
        headed = not _SAYING.search(opening.removesuffix(text))
        if headed and (in_code or _WORD.search(clause.rpartition("\n")[2])):
            continue  # "To find the answer" at the end of a line, or a comment in code, is no heading
        if has_open_box(text):
            continue  # the response ended within its box
        unreal = "would" in opening and _UNREAL.search(clause)
        if not asked and not unreal and not is_denied(clause, after + below):
            below_heading = "\n" in opening.removesuffix(text)
            answer = unwrapped((_BULLET.sub("", sentence) if below_heading else sentence).strip(" *`"))
            return answer if answer.strip("\"'“”‘’«» .,;:") else ""  # the words `"The answer is"` are only quoted
    return ""


def is_denied(before: str, after: str = "") -> bool:
    """Whether the clause before a statement denies it, or the text after takes it back."""
    clause = _CLAUSE_BREAK.split(before[-_BEFORE_STATEMENT:])[-1]
    return bool(_DENYING.search(clause) or is_taken_back(after))


def _one_sentence(text: str) -> str:
    """Return the text up to the end of its sentence; a full stop in a formula or a number does not end it."""
    for end in _SENTENCE_END.finditer(text):
        said = text[: end.start()]
        abbreviated = (
            end[0] == "." and _ABBREVIATION.search(said[-12:]) and re.match(r"\s*[\d$a-z]", text[end.end() :][:9])
        )
        titled = end[0] == "." and _TITLE.search(said[-8:]) and re.match(r"\s+[A-Z]", text[end.end() :][:9])
        dots = end[0] == "." and said.endswith(".")
        if said.count("$") % 2 == 0 and not abbreviated and not titled and not dots:
            return said
    return text


def without_reason(text: str) -> str:
    """Remove the clause after an answer that only gives a reason or a remark: "17, since 8 + 9 = 17" is 17.

    A clause inside a formula, or one that denies the answer, is kept.
    """
    if len(text) > MAX_ANSWER:
        return text
    for remark in _REMARKING.finditer(text):
        said, rest = text[: remark.start()], text[remark.start() :]
        if said.strip() and said.count("$") % 2 == 0 and said.count("{") == said.count("}"):
            doubtful = _DENYING.search(rest) or _ANOTHER.search(rest)
            return text if doubtful and not _REASON.match(rest) else said
    return text


def normalised(text: str) -> str:
    r"""Normalise a text for comparison: remove `$`, `\text{...}`, quotes around it and final punctuation.

    Full-width characters are ordinary ones, words have one space between them, case is folded. Signs that may
    be part of an answer stay: 5 is not -5, .5, 5! or 5'.
    """
    text = _TEXT_COMMAND.sub(r"\1", unwrapped(visible(half_width(text))))
    text = _unquoted(re.sub(r"(?<!\\)\\[ ,;:]|(?<=\w)~(?=\w)", " ", text))
    return " ".join(text.split()).casefold()


def _unquoted(text: str) -> str:
    for _ in range(4):  # quotes within quotes
        before = text
        text = unwrapped(text).removesuffix(":").removesuffix(";")
        for opening, closing in _QUOTES:
            inner = text[1:-1]
            if len(text) > 2 and text[0] == opening and text[-1] == closing and not {opening, closing} & set(inner):
                text = inner
        if text == before:
            break
    return text
