"""Units and other words after a value: which of them leave its number unchanged."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infogap.verify.reading.latex_style import FUNCTIONS, UPRIGHT
from infogap.verify.reading.unit_dimensions import differ, measure

# Units by their names, so that 5 km is not 5 m. Nothing is known about other words.
_NAMES = """
m meter meters metre metres | km kilometer kilometers kilometre kilometres
|cm centimeter centimeters centimetre centimetres | mm millimeter millimeters millimetre millimetres
|mi mile miles | ft foot feet | in inch inches | yd yard yards | s sec secs second seconds
|min mins minute minutes | h hr hrs hour hours | day days | week weeks | month months | year years yr yrs
|kg kilogram kilograms | g gram grams | mg milligram milligrams | lb lbs pound pounds | oz ounce ounces
|L l liter liters litre litres | mL ml milliliter milliliters millilitre millilitres | $ dollar dollars USD
|¢ cent cents | € euro euros EUR | £ GBP | ¥ yen JPY | Rs rupee rupees INR | CNY yuan RMB | °C Celsius
|°F Fahrenheit | °K K kelvin kelvins | rad radian radians | ° degree degrees deg | N newton newtons
|J joule joules | W watt watts | V volt volts | A amp amps ampere amperes | Hz hertz | Pa pascal pascals
|kHz kilohertz | MHz megahertz | kW kilowatt kilowatts | kJ kilojoule kilojoules | mol mole moles
|nm nanometer nanometers | mph | kph kmh kmph | rpm | ppm | fps | bps | pts points | pcs pieces | sq square
|cu cubic | cup cups | rev revolutions
"""
UNITS = {name: group.split()[0] for group in _NAMES.split("|") for name in group.split()}
LETTERS = frozenset("msghLVANJWKCF")  # single letters that are units after a number and a space
# Words that change the number before them, or say more than one number.
_NOT_UNITS = """
and or but not nor out to through between than if when unless except plus minus times over under divided half
halves quarter quarters third thirds fourth fourths fifth fifths sixth sixths seventh sevenths eighth eighths
ninth ninths tenth tenths hundredth hundredths thousandth thousandths dozen score squared cubed factorial
remainder mod modulo more less fewer least most one two three four five six seven eight nine ten eleven twelve
twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion trillion choose because
since so then where with without is are was were power root i e pi infinity inf th st nd rd
pair pairs couple couples gross grosses twin twins triplet triplets trio trios quartet quartets lakh lakhs lac lacs
crore crores quadrillion quintillion mille permille permil scores dozens bn mn
"""
NOT_UNITS = frozenset(_NOT_UNITS.split())
# Words of two or three letters that no formula has for variables side by side.
_SHORT_WORDS = """
a am an and any are as at be but by can did do for get got had has he her him his how if in is it its let may
me my no nor not of off on one or our out per see set she six so ten the to too two up us use was way we who
why yes yet you all few old new now own day far red men box boy cup cat dog car egg hat pen pie toy top tip
sum odd big
"""
SHORT_WORDS = frozenset(_SHORT_WORDS.split())

# Words that say which way a number counts: of one line, two in different groups say different things.
_WAYS = [
    {word: place for place, group in enumerate(line.split("|")) for word in group.split()}
    for line in (
        "increase increased rise rose gain | decrease decreased fall fell drop dropped reduction",
        "up upward upwards | down downward downwards",
        "left leftward | right rightward",
        "north northern | south southern | east eastern | west western | northeast north-east | northwest north-west"
        " | southeast south-east | southwest south-west",
        "profit gain | loss",
        "forward forwards ahead | backward backwards back behind",
        "above | below",
        "before ago earlier | after later",
        "clockwise | counterclockwise anticlockwise counter-clockwise anti-clockwise",
        "surplus | deficit",
    )
]
_SHARE_OF = re.compile(r"\bof\s+(?:[A-Za-z\d](?![A-Za-z])|\\)")  # 5 percent of x
_POWERS = frozenset(("squared", "cubed"))  # after a unit: metres per second squared
_REMARK = re.compile(
    r"\(\s*(?!(?:wrong|incorrect|false|invalid|not|no|impossible|rejected|discarded|extraneous|or|if|when|unless|except)\b)"
    r"[A-Za-z -]{3,}\)",
    re.IGNORECASE,
)
_OHM = re.compile(rf"(?<=[\d}}\s{UPRIGHT}])\s*{UPRIGHT}?\s*(?:([kMGm])\s*)?\\Omega\s*$")
_MICRO = re.compile(rf"(?<=[\d}}\s])\s*\\mu\s*{UPRIGHT}\s*([A-Za-z])(?![A-Za-z])")
_LONGEST_UNIT = 80  # characters, words such as "miles from the city" included
_WORD = rf"(?:{UPRIGHT}[A-Za-z]|[A-Za-zµÅ][A-Za-zµ'’.\-]*+|°\s*[CFK]?(?![A-Za-z])|[$€£¥¢]|[^\W\d_a-zA-Z\\]++)"
_POWER = r"(?:\s*\^\s*(?:\{\s*-?\d\s*\}|-?\d))?"
_UNIT = re.compile(rf"{_WORD}{_POWER}(?:\s*(?:/|\\cdot|\*|·|,)?\s*(?:{_WORD}{_POWER}|\([^()\d=<>]*\)))*\s*[.!]?")
_PERCENT = re.compile(r"\s*(?:\\?%|percent(?:age)?(?:\s+points?)?\b|per\s+cent\b|pct\b)")
_VALUE_END = re.compile(r"[\d)}\]]|\\(?:pi|infty)(?![A-Za-z])")
_BEFORE = re.compile(
    r"(?:(?:is|are|be|was|equals?(?:\s+to)?|exactly|approximately|approx\.?|about|roughly|around|nearly|almost|just|simply"
    r"|only|precisely|clearly|indeed|actually|obviously|evidently|then|hence|finally|a\s+total\s+of|in\s+total|the\s+number|the\s+value|value|namely|thus|therefore|USD|EUR|GBP|INR|US|Rs\.?"
    r"|≈|~|\\approx|\\sim|=|:)(?![A-Za-z])\s*)+",
    re.IGNORECASE,
)
_CURRENCY = re.compile(r"^([+-]?\s*)(?:(?:US|A|C)?\\?\$|€|£|¥|₹)\s*(?=[\d.\\])")
_WORDED_CURRENCY = re.compile(r"\b(USD|EUR|GBP|INR|Rs)\b\.?", re.IGNORECASE)
_SIGN_WORD = re.compile(r"^(?:negative|minus)\s+(?=[\d.\\])", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)\s*")
_ALONE = re.compile(r"[A-Za-z]{2,}")
_AFTER_NUMBER = re.compile(r"\d\s*([A-Za-z]{2,})(?![A-Za-z])")


@dataclass(frozen=True)
class Quantity:
    """A value in mathematics, its unit (a known one under one name, else the words), and whether it is per cent."""

    value: str
    unit: str = ""
    percent: bool = False


def quantity(text: str, *, letters: bool = False) -> Quantity | None:
    """Return the one value of a text without the words around it; None if the words say more than a unit.

    "approximately 3.14 m", "27 miles from the city" and "€1,200" have one; "3 out of 8" and "2 and a half" have none.
    `letters`: a letter after a number, as in 5m, is a unit too where there is such a unit.
    """
    text = _with_greek_symbols(text.strip())
    unit = ""
    if before := _BEFORE.match(text):
        if named := _WORDED_CURRENCY.search(before[0]):
            unit = UNITS.get(named[1], UNITS.get(named[1].upper(), ""))
        text = text[before.end() :]
    text = _SIGN_WORD.sub("-", text)
    if money := _CURRENCY.match(text):
        sign = next(sign for sign in "$€£¥₹" if sign in money[0])
        unit, text = UNITS.get(sign, sign), money[1].strip() + text[money.end() :]
    plain_number = _NUMBER.match(text)
    if (
        plain_number
        and not _SHARE_OF.search(text[plain_number.end() :])
        and _is_unit(text[plain_number.end() :].strip(), spaced=letters or plain_number[0][-1].isspace())
    ):
        return Quantity(plain_number[0].strip(), f"{unit} {_named(text[plain_number.end() :])}".strip())
    for end in _value_ends(text):
        rest = text[end:]
        percent = _PERCENT.match(rest)
        after = rest[percent.end() :].strip() if percent else rest.strip()
        value = text[:end].strip()
        if _words(value) or _SHARE_OF.search(after):
            continue
        if not after:
            return Quantity(value, unit, percent is not None)
        if _is_unit(after, spaced=letters or rest[:1].isspace() or percent is not None):
            return Quantity(value, f"{unit} {_named(after)}".strip(), percent is not None)
    return None if _words(text) else Quantity(text, unit)


def _with_greek_symbols(text: str) -> str:
    """Write ohms and micro- after a number as units, and not as the variables that the Greek letters are elsewhere."""
    if "\\" not in text:
        return text
    return _OHM.sub(lambda ohm: f" {ohm[1] or ''}ohm", _MICRO.sub(r" µ\1", text))


def _value_ends(text: str) -> list[int]:
    """Where a value may end and a unit begin, the last place first."""
    return [match.end() for match in _VALUE_END.finditer(text)][::-1]


def _words(text: str) -> bool:
    """Whether there are words among the mathematics, other than names of functions and adjacent variables."""
    bare = re.sub(r"\\[A-Za-z]+(?:\s*\{[A-Za-z]*\*?\})?|_\{[A-Za-z]+\}", " ", text)
    bare = bare.replace(UPRIGHT, "")
    return any(not may_be_product(word) for word in _ALONE.findall(bare)) or any(
        unit in UNITS for unit in _AFTER_NUMBER.findall(bare)
    )


def is_product(word: str) -> bool:
    """Whether letters side by side are variables, as in xy; two or three at most, and no word."""
    return word in FUNCTIONS or (len(word) <= 3 and set(word) <= set("abcdkmnpqrstuvwxyzABCDKMNPQRSTUVWXYZ"))


def may_be_product(word: str) -> bool:
    """Whether letters side by side may be variables in a formula, as in 2xe^x: any three that are no short word."""
    return word in FUNCTIONS or (len(word) <= 3 and word.lower() not in SHORT_WORDS)


def _is_unit(text: str, *, spaced: bool) -> bool:
    """Whether words after a number leave it unchanged; `spaced`: a single letter may be a unit, as in 5 m."""
    if len(text) > _LONGEST_UNIT:
        return False
    if not _UNIT.fullmatch(text):
        return _REMARK.fullmatch(text) is not None
    words = re.findall(r"[A-Za-z]+", text)
    if not words:  # a degree, a currency's sign, a word in another script
        return re.fullmatch(r"[°$€£¥¢\W]+|[^\W\d_a-zA-Z]+", text) is not None
    if any(
        word.lower() in NOT_UNITS and word != "in" and not (place and word in _POWERS)
        for place, word in enumerate(words)
    ):
        return False
    return text.startswith("°") or _are_units(words, upright=text.startswith(UPRIGHT), spaced=spaced)


def _are_units(words: list[str], *, upright: bool, spaced: bool) -> bool:
    if upright and len(words[0]) == 1:
        return words[0] in UNITS or words[0] in LETTERS
    if all(len(word) == 1 for word in words):  # 5 m, but not 5x; 3 m/s, but not 3 a/b
        return all(word in LETTERS for word in words) and (spaced or len(words) > 1)
    if any(is_product(word) and not _is_known(word, spaced=spaced) for word in words if len(word) > 1):
        return False  # 3 xy
    return spaced or words[0] in UNITS or len(words[0]) > 3


def _is_known(word: str, *, spaced: bool) -> bool:
    """Whether letters that could be variables are a unit: a common one or, after a space, a symbol such as kPa."""
    symbol = not word.islower() or len(word) > 2
    return word in UNITS or (spaced and symbol and measure(word) is not None)


def _named(text: str) -> str:
    """Write a unit under one name, metres as m; other words are kept."""
    text = re.sub(r"\s*([/^{}])\s*", r"\1", text.replace(UPRIGHT, "")).strip(" .!")
    text = re.sub(r"°\s*", "°", text)
    return "".join(UNITS.get(part, part) for part in re.split(r"([\s/^]+)", text))


def conflicting(one: str, other: str) -> bool:
    """Whether two units certainly differ: known ones in size or kind, words as left and right do."""
    if not (one and other) or one == other:
        return False
    return differ(one, other) or _are_opposite(one, other)


def _are_opposite(one: str, other: str) -> bool:
    words = [re.findall(r"[a-z-]+", text.lower()) for text in (one, other)]
    for ways in _WAYS:
        said = [{ways[word] for word in each if word in ways} for each in words]
        if all(said) and said[0] != said[1]:
            return True
    return False
