"""Find sentences that state an answer in other languages than English, such as those of MGSM's worked examples."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LETTER = r"(?<![^\W\d_])"
_LETTERS = r"(?=\s*[（(]?[A-ZＡ-Ｚ]{1,5}[)）]?\s*(?:[。.、，,：:项]|选项|$))"
_COLON = r"\s*\**\s*[:：]"
# A word for the answer, and what joins the answer to it: "La respuesta es", "Die Antwort lautet", "答えは", "정답은".
# "Solución:" and "解答：" are left out: they are headings of whole solutions.
_LATIN = rf"""
    {_LETTER}respuesta(?:\s+(?:correcta|final))?(?:\s+es(?:\s*:)?|{_COLON})
  | {_LETTER}soluci[oó]n(?:\s+(?:correcta|final))?\s+es(?:\s*:)?
  | {_LETTER}r[ée]ponse(?:\s+(?:correcte|finale))?(?:\s+est(?:\s*:)?|{_COLON})
  | {_LETTER}antwort(?:\s+(?:lautet|ist)(?:\s*:)?|{_COLON})
  | {_LETTER}resposta(?:\s+(?:correta|final))?(?:\s+é(?:\s*:)?|{_COLON})
  | {_LETTER}risposta(?:\s+(?:corretta|finale))?(?:\s+è(?:\s*:)?|{_COLON})
  | {_LETTER}antwoord(?:\s+is(?:\s*:)?|{_COLON})
  | {_LETTER}jibu(?:\s+(?:sahihi|la\s+mwisho))?(?:\s+ni(?:\s*:)?|{_COLON})
  | {_LETTER}(?:đáp\s+(?:án|số)|câu\s+trả\s+lời)(?:\s+(?:cuối\s+cùng|đúng))?(?:\s+là(?:\s*:)?|{_COLON})
  | {_LETTER}(?:cevap|yanıt)(?:\s+şudur)?{_COLON}
  | {_LETTER}odpowied[zź](?:\s+(?:to|brzmi)(?:\s*:)?|{_COLON})
  | {_LETTER}jawaban(?:nya)?(?:\s+akhir)?(?:\s+adalah(?:\s*:)?|{_COLON})"""
_OTHER = rf"""
    {_LETTER}ответ(?:\s+(?:равен|это)|\s*[—–-]|{_COLON})
  | (?:正解|答え)(?:は|{_COLON})
  | (?:解答|回答)は
  | (?:정답|답)(?:은|{_COLON})
  | {_LETTER}(?:الجواب|الإجابة|الاجابة)(?:\s+(?:النهائية|النهائي|الصحيحة|الصحيح))?(?:\s+(?:هي|هو)|{_COLON})
  | (?:उत्तर|जवाब)(?:{_COLON}|\s+है(?=\s*[\d$\\*(०-९-])|(?=\s+[$\\*(]*[\d०-९-][^\n]{{0,40}}\s+है))
  | উত্তর(?:\s+(?:হল|হলো|হচ্ছে)|{_COLON})
  | సమాధానం(?:{_COLON}|(?=\s+[$\\*(]*\d))
  | คำตอบ(?:สุดท้าย|ที่ถูกต้อง)?(?:คือ|{_COLON})
  | (?:故|所以|因此|应|應|本题|答案)选?[择擇]?(?:选|選)(?:[择擇])?(?:{_COLON})?{_LETTERS}
  | 正确(?:选项|选择)(?:[为是]|{_COLON})"""
_STATING = re.compile(
    rf"(?:{_LATIN}|{_OTHER})\s*[*]*[^\S\n]*(?P<said>[^\n]+)", re.IGNORECASE | re.MULTILINE | re.VERBOSE
)
_NOT = re.compile(
    r"\s*(?:nicht|kein|pas\b|no\b|non\b|não\b|niet\b|nie\b|не\b|ليس|ليست|không|नहीं|নয়|ไม่|sio\b)|.*(?:ではな|じゃな|아니|नहीं|নয়|కాదు|不是|不正)",
    re.IGNORECASE,
)
_DOUBTED = re.compile(
    r"\b(?:no|nicht|pas|ne|non|não|niet|nie|si|wenn|if|ob|не|если)\b[^.!?。\n]{0,40}$|[^\n.。]*(?:もし|만약|यदि|যদি|ถ้า|إذا|如果)",
    re.IGNORECASE,
)
_LONGEST_BELOW = 40  # characters of an answer on the line below its heading
_END = re.compile(r"[。।॥؟！？]|(?<=\S)[.!?](?=\s|\*|$)")
# What follows the answer in such a sentence: "42です", "42입니다", "42 है".
_COPULA = re.compile(
    r"\s*(?:です|でした|だ|である|になります|となります|になる|となる|입니다|이다|이에요|예요|है|हैं|होगा|হবে|হয়|అవుతుంది|ครับ|ค่ะ)\s*[。.।]?\s*$"
)


def in_other_languages(text: str) -> Iterator[str]:
    """Yield the answers that sentences of a text state in other languages, the last one first."""
    for match in reversed(list(_STATING.finditer(text))):
        line = text[: match.start()].rpartition("\n")[2]
        said = match["said"]
        end = _END.search(said)
        said = _COPULA.sub("", said[: end.start()] if end else said).strip(" *`")
        if len(said) > _LONGEST_BELOW and "\n" in match[0][: match.start("said") - match.start()]:
            continue  # a heading, and the first line of what stands below it
        if said and not _NOT.match(said) and not _DOUBTED.search(line[-60:]):
            yield said
