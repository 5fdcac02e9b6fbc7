"""Find held answers that a trace asserts before deriving them, and decoys' answers that it states last."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infogap.leaks.answer_patterns import CHOICE, AnswerPattern, answer_pattern
from infogap.leaks.scanned_trace import Leak, ScannedTrace, leak_at, plain_lower
from infogap.text.characters import IDEOGRAPH
from infogap.text.text_batch import word_count

_HEAD = 1_500  # characters in which an answer can come first
_ANNOUNCED = 25  # words at most before an answer whose reasons are announced
_FEW = 5  # characters before an answer; fewer cannot be the question's own words
_DISTINCTIVE = 2  # characters of an answer that is hardly stated by chance
_OPENING_WORDS = 60  # words at most before an answer that comes first, none of which derive anything
_SENTENCE_END = re.compile(r"(?:[.!?](?=[\s*_]|$)|[。！？]|\n)+[*_]*\s*")
_ENDING = 300  # characters at the end of a text that are searched for its last sentence
_TEXT_END = re.compile(r"[\s$\\)}*\]]{0,8}(?:[^\W\d]+\s?){0,3}[\s$\\)}*\].!。！]{0,8}$")
_DENIES = re.compile(r"\b(?:no|not|never|wrong|rather than|instead|unlike|too)\b|n't\b|不|错", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{[\s$({\\a-z]{0,12}$")
# What may come between "is" and the answer; the expressions below match the text before it.
_LEAD = r"[\s:：=*_`$\"'“(\\{]{0,10} (?: \\(?:boxed|fbox|text|\() \s*\{?\s* )? $"
_FLAGS = re.IGNORECASE | re.VERBOSE
_ANSWER_IS = re.compile(
    r"""(?:
      \b(?: answer | result | solution | option | choice | value[ ](?:we[ ](?:want|need)|sought) | outcome )s?\b
        [^.!?\n]{0,40}?
        (?: \b(?: is | are | equals | (?:should|must|will|would)[ ]be | comes[ ]to )\b | [:：=] )
      | (?:答案|结果|结论) [^。！？\n]{0,12}? (?: 应该是 | 应为 | [:是为：] | 等于 ) | 选
    )"""
    + _LEAD,
    _FLAGS,
)
_IS = re.compile(
    r"""(?:
      \b(?: is | are | was | equals? | (?:(?:must|should)[ ])?be | gets? | have | has | obtain | gives | find
        | comes?[ ](?:out[ ])?to | there[ ](?:is|are)
        | takes | needs? | exactly | ha(?:s|ve)[ ]the[ ](?:solutions?|value|answer) )\b
      | [=:：有是为得] | 等于
    )"""
    + _LEAD,
    _FLAGS,
)
_HEDGE = re.compile(
    r"""\b(?: guess | maybe | perhaps | probably | roughly | estimate | might | could | not | about | around
      | approximately | suppose | let's[ ]call | if | whether | assume )\b
    | 猜 | 大概 | 可能 | 也许 | 估计""",
    _FLAGS,
)
_DERIVES = re.compile(
    r"""\b(?: since | because | hence | thus | therefore | then | which | if | when | dividing | multiplying | adding
      | subtracting | so[ ]that | gives | means | implies | leaves | leaving | following | yields | leads | from
      | together | into | each | every | these | those
      | by | using | via | formula | theorem | squared | cubed | twice | half | double | triple | times | plus | minus
      | makes )\b
    | \w[^\S\n]*,?[^\S\n]+so\b | ;(?=\s) | 因为 | 所以 | 由于 | 因此 | 那么 | 则 | 可得
    | 移 | 除以 | 乘以 | 两边 | 代入 | 相[加减乘] | 分解 | 化简 | 展开 | 加上 | 减去 | 合并""",
    _FLAGS,
)
_EQUATED = re.compile(r"(?<![\w*/+^.)-])\\?[A-Za-z]\w{0,7}(?:\([^)]*\))?\s*=\s*[$\s]*$")
_PRONOUN = re.compile(
    r"\W*(?:(?:so|well|okay),? )?(?:it|that|this)(?:'s| is| was| must be| has to be) (?:the )?$", re.IGNORECASE
)
_OPTION = re.compile(r"\b(?:option|choice|answer|statement|alternative)\s*\(?$", re.IGNORECASE)
_UNKNOWN = re.compile(
    r"\W*(?:(?:so|clearly|we (?:get|have|find)|one finds)\W{1,2})?\\?[a-z]\s*=\s*[$\s]*", re.IGNORECASE
)
_IS_ANSWER = re.compile(
    r"""[\s)$*}"'”,]{0,6} (?: it[ ]is\b | follows\b
      | (?:is|are|was)\s+ (?:the\s+)? (?:final\s+)? (?:correct|right|answer|true|result|solution)\b )""",
    _FLAGS,
)
_LISTED = re.compile(r"[A-Z]\w+,\s$")  # "Monday, Tuesday"
_STOPS = re.compile(r"\s*[.:;!—–-]|\s*,(?!\s*(?:wait|let|that|no|hmm|so|but|i)\b)", re.IGNORECASE)
_SUM = re.compile(r"\d\s*\$?(?:[-−+*×·÷/^]|\\(?:cdot|times|div|frac))|\\(?:cdot|times|frac|sum|int|binom)\b|=")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_OPENER = re.compile(
    r"""\W*(?:
      okay | ok | all?[ ]?right | sure | certainly | hmm | well | now | great | right | let[ ]me | let's | let[ ]us
      | we[ ](?: need | want | are[ ](?:asked|looking) | have | must | should )
      | i[ ]?(?: need | want | have | am | will | 'll | should )
      | the[ ](?: question | problem | task | goal ) | to[ ](?: solve | find | answer | determine | compute | see )
      | tl;?dr | step[ ]\d | here | looking | thinking | first | this[ ]is[ ]an?
      | (?:final[ ])?answer | question | result | solution
      | 首先 | 好的 | 我们 | 题目 | 这道题 | 这是 | 解
    )""",
    _FLAGS,
)
# Announces that the reasons follow.
_CUE = re.compile(
    r"""[\s*\#_>–—:-]{0,8}(?:
      indeed | to[ ](?: see | check | verify | confirm | show | prove | understand | justify )
      | here[ ](?:is|are) | here's | let[ ]me | let's | let[ ]us
      | we[ ](?: prove | verify | will | can | show | now | check | confirm | justify | just | demonstrate | only )
      | i(?: 'll | [ ](?:will|can|now|shall|just) )
      | (?:and[ ])?(?:this|that|it)[ ](?: is | follows | can | holds | comes | works )
      | now[ ](?:i|we|let|to|for) | the[ ](?: reason(?:ing)? | proof | justification | explanation | argument )
      | proof | (?:the[ ])?(?:long(?:er)?|full(?:er)?|detailed|complete)[ ](?:version|answer|story|form)
      | in[ ](?:more|full)[ ] | reason | justif | explanation | why | verif | check | details? | derivation | step[ ]1
      | in[ ]detail
      | work(?:ing)?: | because | since | as[ ]follows | namely | for\b
      | 下面 | 理由 | 因为 | 接下来 | 验证 | 验算 | 证明 | 解释 | 解析 | 下边 | 原因 | 检验 | 过程 | 推导 | 具体
    )""",
    _FLAGS,
)
_SAME_SENTENCE_CUE = re.compile(
    r"""[\s)$*}"'”°%.]{0,6} [,;，；:：–—-]? \s*
    (?: (?: because | since | as | for | and[ ]here | which[ ](?:i|we) | by )\b | 因为 | 理由 )""",
    _FLAGS,
)
# The end of a clause, after a unit of up to three words.
_CLAUSE_END = re.compile(
    r"""[\s)}$*\\"'”°%\]]{0,8}
    (?: [ ]?of[ ](?:them|these|those|it) )?
    (?: (?! (?: and|or|times|plus|minus|divided|so|which|as|of|to|by|if|when|but )\b )
      [^\W\d]+ (?:[²³/^]?\w*)? (?:\s[^\W\d]+){0,2} )?
    [\s)}$*\\"'”]{0,6} (?: [.,;:!?。！，；：–—] | $ | \n )""",
    re.VERBOSE,
)
_TERM = re.compile(rf"[{IDEOGRAPH}]|[^\W\d_{IDEOGRAPH}]{{2,}}")
_INTERJECTIONS = ("yes", "no", "true", "false")
_STOP = frozenset(
    re.findall(
        r"\w+",
        "the a an of is are in to for and what how many much find compute that it on be do does with at by so we",
    )
)


def find_answer_first(trace: ScannedTrace) -> list[Leak]:
    """Return a leak if the trace asserts the held answer first, after nothing but openings that derive nothing."""
    pattern = trace.held_pattern
    if pattern is None:
        return []
    head = trace.text[:_HEAD]
    question = plain_lower(trace.question)
    words = 0
    for start, end in _sentences(head):
        sentence = head[start:end]
        for match in pattern.finditer(sentence):
            before = head[: start + match.start()]
            listed = len(_NUMBER.findall(before)) > 1 or _LISTED.search(before) is not None
            if _asserted(sentence, match, head[end:], pattern, question, listed):
                return [leak_at(trace.text, start, start + match.end(), "answer_first", "asserted")]
        words += word_count(sentence)
        if words > _OPENING_WORDS or not _opens(sentence, question):
            return []
    return []


def find_decoy(trace: ScannedTrace) -> list[Leak]:
    """Return a leak if the decoy's answer is the last one that the trace states.

    A trace soon picks one of a few choices by chance: a choice must come first, which `find_answer_first` checks.
    """
    pattern = trace.held_pattern
    if not trace.is_decoy or pattern is None or _is_choice(trace.held_answer or ""):
        return []
    boxes = [match.start() for match in re.finditer(r"\\(?:boxed|fbox)\s*\{", trace.text)]
    for match in reversed(list(pattern.finditer(trace.text))):
        if trace.cut and not trace.text[match.end() :].strip():
            continue  # "a = 3" may have been about to say 350
        before = trace.text[max(0, match.start() - 80) : match.start()]
        boxed = _BOX.search(before)
        if boxed and boxes and boxes[-1] >= match.start() - len(before) + boxed.start():
            return [leak_at(trace.text, match.start(), match.end(), "decoy", "stated")]
        if not boxes and (_ANSWER_IS.search(before) or _concludes(trace, match)):
            return [leak_at(trace.text, match.start(), match.end(), "decoy", "stated")]
    return []


def _concludes(trace: ScannedTrace, match: re.Match[str]) -> bool:
    """True if the match ends a whole text, a unit aside, and its sentence neither denies it nor has the gold answer."""
    if trace.cut or not _TEXT_END.match(trace.text, match.end()):
        return False
    start, end = list(_sentences(trace.text[-_ENDING:]))[-1]
    sentence = trace.text[-_ENDING:][start:end]
    gold = answer_pattern(trace.gold) if trace.gold else None
    return not _HEDGE.search(sentence) and not _DENIES.search(sentence) and not (gold and gold.search(sentence))


def _is_choice(answer: str) -> bool:
    return CHOICE.fullmatch(answer.strip()) is not None or answer.strip().lower() in _INTERJECTIONS


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of sentences and lines that are not empty."""
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if text[start : end.end()].strip(" \n*_#"):
            yield start, end.end()
        start = end.end()
    if text[start:].strip():
        yield start, len(text)


def _asserted(
    sentence: str, match: re.Match[str], rest: str, pattern: AnswerPattern, question: str, listed: bool
) -> bool:
    """True if a sentence asserts that the match is the answer, and derives nothing before it.

    `listed`: the match is one of a list, or follows numbers from which it could be derived; the sentence must then call
    it the answer.
    """
    before, after = sentence[: match.start()], sentence[match.end() :]
    if _HEDGE.search(sentence) or sentence.rstrip().endswith(("?", "？")) or _derives(before, question):
        return False
    ends = bool(_CLAUSE_END.match(after))
    cue = bool(_SAME_SENTENCE_CUE.match(after)) or bool(ends and _CUE.match(rest))
    if _BOX.search(before) or _IS_ANSWER.match(after) or (_ANSWER_IS.search(before) and (ends or cue)):
        phrase = plain_lower(sentence[max(0, match.start() - 8) : match.end()])
        return len(before) < _FEW or phrase not in question
    number = any(character.isdigit() for character in match.group())
    if not before.strip(" \n*_#>$(\\") and match.group().lower() in _INTERJECTIONS:  # "True. ..."
        return _STOPS.match(after) is not None
    if pattern.search(question):  # a number of the question may come first in any trace, a name where reasons follow
        return not number and (cue or bool(ends and (_PRONOUN.match(before) or _OPTION.search(before))))
    if cue and len(before.split()) <= _ANNOUNCED:
        return True
    known = _is_distinctive(match.group()) or bool(_PRONOUN.match(before) or _UNKNOWN.fullmatch(before))
    return ends and not listed and (known or (bool(_IS.search(before)) and _asks_for(before, question)))


def _is_distinctive(answer: str) -> bool:
    """True if an answer is hardly stated by chance, as a small number may be."""
    return len(re.sub(r"[\s$\\]", "", answer)) >= _DISTINCTIVE


def _asks_for(before: str, question: str) -> bool:
    """True if the words before an answer name what the question asks for."""
    words = [word for word in re.findall(r"[^\W\d_]{2,}", before.lower()) if word not in _STOP]
    named = [word for word in words if word.rstrip("s") in question]
    return len(named) >= 2 and len(named) >= 0.6 * len(words)


def _derives(text: str, question: str) -> bool:
    """True if a text calculates or argues with more than the question's own words."""
    text = _EQUATED.sub(" ", text)
    if any(number not in question for number in _NUMBER.findall(text)):
        return True
    if any(match.group().strip() not in question for match in _DERIVES.finditer(text.lower())):
        return True
    plain = " ".join(text.lower().split())
    return _SUM.search(text) is not None and plain.strip(" $.") not in question


def _opens(sentence: str, question: str) -> bool:
    """True if a sentence derives nothing: an opening phrase, a heading, or the question repeated."""
    if _derives(sentence, question):
        return False
    if sentence.lstrip().startswith(("#", "**")) or word_count(sentence) <= 3 or _OPENER.match(sentence):
        return True
    words = [word for word in _TERM.findall(sentence.lower()) if word not in _STOP]
    return bool(words) and sum(word.rstrip("s") in question for word in words) >= 0.7 * len(words)
