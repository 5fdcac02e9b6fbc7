r"""Find the boxes and answer tags of a response, and which boxes are one answer: `\boxed{3}` and `\boxed{5}`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOX_TOKEN = re.compile(r"(?P<box>\\{1,2}(?:boxed|fbox)\s*\{)|\\[\s\S]|[{}]")
BARE_BOX = re.compile(r"\\boxed(?:\s+|(?=\d))([^\s${}]+)")  # \boxed 5
"""A box without braces."""

# What may join boxes to one answer: "and", a comma, spacing, and the part of the question that each is for.
_JOINING = re.compile(
    r"(?P<joins>[,;&]|\\q?quad(?![a-z])|\b(?:and|or|as\s+well\s+as|also|then)\b|\\(?:lor|vee|land|wedge)(?![a-z])"
    r"|\\text\s*\{[\s,;]*(?:and|or)?[\s,;]*\}|\\\\(?![A-Za-z]))"
    r"|(?P<part>(?:[Ff]or\s+|[Ii]n\s+)?(?:\b[Pp]art\s+\(?(?:[a-hA-H]|i{1,3}|[1-9])\b\)?|(?<![\w)])\(?(?:[a-h]|i{1,3}|[1-9])\))[:.]?)"
    r"|(?P<name>(?<![A-Za-z])[A-Za-z](?:_\w|_\{\w+\})?\s*=)"
    r"|\$+|\\[()\[\]]|\*\*|\#+|\\[ ,;:!]|~|[ \t]+|(?P<break>\.?\s*\n\s*)"
)
_MOST_BOXES = 50  # in one answer
_MAX_JOINT = 120  # characters between two boxes
_NAMED = re.compile(r"(?<![A-Za-z])([A-Za-z](?:_\w|_\{\w+\})?)\s*=\s*$")
# The tag of an answer, or GLM's tokens around one; those that close have a group.
_TAG = re.compile(r"<(/)?(?:final[_-]?)?answer>|<\|(?:begin|(end))_of_box\|>", re.IGNORECASE)
# A box that is mentioned only to be denied: "not \\boxed{3}".
_NOT_THE_BOX = re.compile(
    r"(?:\b(?:not|never|rather\s+than|instead\s+of|unlike)|n['’]t|\\neq?|\\not\s*=|≠|(?<![\w)}\]])!=)"
    r"(?:\s+(?:be|equal\s+to|equal|just|the|possibly))*[\s$*({\[\\]*$|\bcannot\s+(?:be|equal|have)[\s$*({\[\\]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Box:
    """The span of a box or tag in `text`, and that of its content."""

    text: str
    start: int
    end: int
    inner_start: int
    inner_end: int

    @property
    def content(self) -> str:
        return self.text[self.inner_start : self.inner_end]


def stated_boxes(text: str) -> list[Box]:
    """Return the boxes that hold something, except those that are mentioned only to be denied."""
    return [
        box
        for box in boxes_in(text)
        if box.content.strip() and not _NOT_THE_BOX.search(text[max(0, box.start - 40) : box.start])
    ]


def boxes_in(text: str) -> list[Box]:
    """Return the outermost balanced boxes, in order. One pass, whatever the nesting: model text may be hostile."""
    first = text.find("\\boxed")
    other = text.find("\\fbox")
    start = min((place for place in (first, other) if place >= 0), default=-1)
    if start < 0:
        return []
    boxes: list[Box] = []
    open_braces: list[re.Match[str]] = []
    for token in _BOX_TOKEN.finditer(text, start):
        if token.group("box") or token.group() == "{":
            open_braces.append(token)
        elif token.group() == "}" and open_braces:
            opening = open_braces.pop()
            if opening.group("box"):
                while boxes and boxes[-1].start > opening.start():
                    boxes.pop()  # it was inside this one
                boxes.append(Box(text, opening.start(), token.end(), opening.end(), token.start()))
    return boxes


def joined_boxes(text: str, boxes: list[Box]) -> str:
    r"""Return the last box with those joined to it: `\boxed{3}$ and $\boxed{5}`; a repeated one once."""
    first = len(boxes) - 1
    while (
        first and len(boxes) - first < _MOST_BOXES and _are_one_answer(text[boxes[first - 1].end : boxes[first].start])
    ):
        first -= 1
    chosen = boxes[first:]
    names = [_NAMED.search(text, max(0, box.start - 20), box.start) for box in chosen]
    contents = [box.content.strip() for box in chosen]
    if len(chosen) > 1 and all(names):
        contents = [f"{name[1]} = {content}" for name, content in zip(names, contents, strict=True) if name]
    return ", ".join(dict.fromkeys(contents))


def _are_one_answer(between: str) -> bool:
    """Whether the text between two boxes only joins them; a line break alone does not."""
    if len(between) > _MAX_JOINT:
        return False
    place, joins, part, breaks = 0, False, False, False
    while place < len(between):
        token = _JOINING.match(between, place)
        if token is None:
            return False
        joins = joins or token["joins"] is not None
        part = part or token["part"] is not None
        breaks = breaks or token["break"] is not None
        place = token.end()
    return part or joins or not breaks


def last_tag(text: str, cut: bool) -> Box | None:
    """Return the last `<answer>` with its content; one that is not closed reaches to the end, as with a stop string."""
    tags = list(_TAG.finditer(text))
    for index in range(len(tags) - 1, -1, -1):
        if any(tags[index].groups()):
            continue  # it closes
        closed = index + 1 < len(tags)
        if not closed and cut:
            continue
        inner_end = tags[index + 1].start() if closed else len(text)
        end = tags[index + 1].end() if closed else len(text)
        tag = Box(text, tags[index].start(), end, tags[index].end(), inner_end)
        if tag.content.strip():
            return tag
    return None


def has_open_box(text: str) -> bool:
    """Whether a text ends within a box, whose content may have gone on."""
    return "\\boxed" in text and text.count("{") > text.count("}")
