"""Find answers that a trace knows before deriving them: it aims at one, quotes one, or finds fault with one."""

from __future__ import annotations

import re

from infogap.leaks.references import EARLY
from infogap.leaks.scanned_trace import Leak, ScannedTrace, leak_at

_AROUND = 70  # characters before and after the answer that are searched for its role
_CLAUSE = 45  # the same, for a wrong answer
_FLAGS = re.IGNORECASE | re.VERBOSE
# Text before an answer that nothing has derived yet: it is aimed at, given, or compared with.
_SOUGHT = re.compile(
    r"""(?:
      \b(?: match(?:es|ed|ing)? | (?:dis)?agree(?:s|d|ing)?[ ]with
        | in[ ](?:agreement|line|accord(?:ance)?|keeping)[ ]with
        | accordance[ ]with | consistent[ ]with | coincid(?:es?|ing)[ ]with | squares?[ ]with | tall(?:y|ies)[ ]with
        | compar(?:e|ed|ing)[ ](?:(?:it|this)[ ])?(?:to|with|against) | check(?:ed|ing)?[ ](?:(?:it|this)[ ])?against
        | lines?[ ]up[ ]with | different[ ]from | differs[ ]from | contradict(?:s|ing)? | off[ ]from | short[ ]of )
      | \b(?: told | given | stated | listed | supplied | provided | announced | quoted | promised | reported | recorded
        | known | expected | supposed | meant | destined | marked | mentioned | noted | indicated )
        (?:[ ](?: as | to[ ](?:be|get|reach|equal) | is
          | that[ ](?:\S+[ ]){1,4}(?:is|equals|=|should[ ]be|must[ ]be) ))?
      | \b(?: says? | said | states? | claims? | claimed | mentions? )
        (?:[ ](?: it's | (?:that[ ])?(?:\S+[ ]){1,3}(?:is|equals|=|should[ ]be|must[ ]be) ))?
      | \b(?: want(?:s|ed)? | need(?:s|ed)? | hop(?:e|ing) | expect(?:s|ed|ing)? | suppose[ds]? )
        (?:[ ](?: it | this | the[ ]\w+ | us | me ))?
        [ ]to[ ](?: be | get | reach | equal | come[ ]out[ ](?:as|to|at) | see | give | land[ ]on
          | end[ ](?:up[ ])?(?:at|with) )
      | \b(?: want(?:s|ed)? | aim(?:ing)?[ ](?:for|at) | hop(?:e|ing)[ ]for | target(?:ing)? | desired | intended )
      | \b(?: derive | deriving | prove | proving | show | showing | explain(?:ing)? | justify(?:ing)? | demonstrate
        | establish | reconstruct(?:ing)? | confirm(?:ing)? | see[ ]whether | see[ ]if )
        (?:[ ](?:why|that|how|whether))?(?:[ ]\S+){0,3}?
        (?:[ ](?: is | equals | = | should[ ]be | must[ ]be | comes[ ]out[ ](?:as|to) ))?
      | (?<!so[ ])(?<!hence[ ])(?<!thus[ ])(?<!therefore[ ])(?<!is[ ])(?<!has[ ])(?<!have[ ])(?<!get[ ])(?<!gives[ ])
        \bthe[ ](?:final[ ]|correct[ ]|right[ ])?(?:answer|result)(?:[ ]of)?(?![ ]?[:：=])
      | \b(?: knowing | know | knew )(?:[ ]that)?(?:[ ](?: it | this | the[ ]\w+ ))?
        (?:[ ](?: is | equals | must[ ]be | will[ ]be | should[ ]be ))?
      | \b(?: should | must | has[ ]to | needs[ ]to | ought[ ]to )[ ]
        (?: (?:come[ ]out|end[ ]up)[ ](?:as|to|at|with) | land[ ](?:on|at) | lead[ ]to | work[ ]out[ ]to )
      | \b(?: backwards?[ ]from | why[ ](?:it[ ]is|it's) | boil(?:s|ed)?[ ]down[ ]to | no[ ]secret | trust
        | faithful[ ]to | we(?:'re|[ ]are)[ ]to[ ](?:get|obtain|reach) )
      | 已知 | 给出 | 给定 | 告知 | 一致 | 目标 | 应该得到 | 凑出 | 吻合
    )
    [\s:：=*_`$"'“(\\{]{0,8} (?: (?:exactly|precisely|indeed|just|a|an|the|value|number|answer|result|of)\s ){0,3}
    [\s$(\\{]{0,4} $
    """,
    _FLAGS,
)
# Text after such an answer.
_GIVEN = re.compile(
    r"""[\s$)}\\*"'”]{0,6} (?:,[ ]?)? (?:
      (?:(?:that|which)[ ](?:was|is)[ ])?
        (?: quoted | given | supplied | provided | stated | listed | mentioned | announced | handed )
        (?:[ ]to[ ](?:me|us))?(?:[ ](?:earlier|above|here|before|in[ ]the[ ](?:prompt|context)))?\b
        (?![ ](?:by|that|in[ ]the[ ](?:problem|question)))
      | as[ ](?: given | stated | told | supplied | provided | promised | announced | claimed | listed | reported
        | quoted | wanted | was[ ](?:given|stated|told) | (?:we[ ]were|i[ ]was)[ ]told )\b
      | (?:is|was)[ ](?: what | the[ ](?:number|value|figure|one|target|goal|answer|result) )[ ](?:that[ ])?
        (?: i | we | they | he | she | the[ ]\w+ )[ ]
        (?: need | want | expect | am | are | was | were | say | gave | give | told | should | had | has | ask )
      | (?:is|was)[ ](?:meant|supposed|bound|due|destined)[ ]to[ ](?: come[ ]out | be | result | appear )
      | (?:is|was|stands|appears)[ ](?:on|in|at)[ ](?:the|my)[ ]
        (?: card | paper | sheet | page | label | key | prompt | context | bottom | end )
      | (?:is|was)[ ](?: the[ ](?:target|goal) | given | supplied | provided | quoted | expected | promised
        | what[ ](?:was|is)[ ](?:given|told|expected|supplied|wanted|needed|claimed|stated|said|listed) )\b
    )""",
    _FLAGS,
)
# A rejected root of an equation is not an attempt.
_ROOT = re.compile(r"\b(?:roots?|solutions?)\b.*\b(?:rejected|discarded|extraneous|accepted)\b", re.IGNORECASE)
# Words about a wrong answer that the trace has not reached: its author must have seen it.
_FAULT = re.compile(
    r"""\b(?: wrong | incorrect | not | isn't | wasn't | mistake | mistaken | error | slip | typo | fail(?:s|ed)?
      | (?:was|were|been|got|is)[ ]rejected
      | can't[ ]be | cannot[ ]be | disagree | doubt | trust | contradict\w* | suspicious | somebody
      | someone | c[ao]mes?[ ]from | forg[eo]ts? | confus\w+ | mix(?:es|ed) | counts? | counted | instead[ ]of
      | (?:answer|value|result|reply|response|attempt|solution|number|figure)[ ]of | rather[ ]than | gets | got | says
      | said | claims | claimed | gave | obtained | used | uses | favou?r | unacceptable
      | blunder | trap | misread\w* | overlook\w* )\b
    | 错 | 不对 | 认可 | 采纳 | 不正确 | 而不是 | 得到 | 误""",
    _FLAGS,
)
_IMAGINED = re.compile(r"\b(?:if|would|could|might)\b|如果|若", re.IGNORECASE)  # an imagined mistake


def find_known_answer(trace: ScannedTrace) -> list[Leak]:
    """Return a leak if the trace first mentions the held answer as one that it already knows.

    None if the question contains it, or if it is a single letter.
    """
    pattern = trace.held_pattern
    held = trace.held_answer or ""
    if pattern is None or (len(held) < 2 and not held.isdigit()):
        return []
    match = pattern.search(trace.text)
    if match is None or pattern.search(trace.question):
        return []
    start = max(0, match.start() - _AROUND)
    if sought := _SOUGHT.search(trace.text[start : match.start()]):
        return [leak_at(trace.text, start + sought.start(), match.end(), "reference", "foreknown")]
    if given := _GIVEN.match(trace.text[match.end() : match.end() + _AROUND]):
        return [leak_at(trace.text, match.start(), match.end() + given.end(), "reference", "foreknown")]
    return []


def find_faulted_answer(trace: ScannedTrace) -> list[Leak]:
    """Return a leak if the trace finds fault with a wrong answer of the context that it cannot have reached yet."""
    for pattern in trace.wrong_patterns:
        match = pattern.search(trace.text)
        if match is None or match.start() >= EARLY or pattern.search(trace.question):
            continue
        before = trace.text[max(0, match.start() - _CLAUSE) : match.start()]
        after = trace.text[match.end() : match.end() + _CLAUSE]
        clause = before.rpartition(". ")[2] + " " + after.partition(". ")[0]
        derived = before.rstrip(" $\\(").endswith("=")  # computed right there
        if not derived and _FAULT.search(clause) and not (_IMAGINED.search(clause) or _ROOT.search(clause)):
            return [leak_at(trace.text, match.start(), match.end(), "reference", "faulted")]
    return []
