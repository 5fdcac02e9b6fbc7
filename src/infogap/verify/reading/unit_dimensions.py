"""The size of a unit and its powers of base units: km/h and m/s are speeds of different sizes."""

from __future__ import annotations

import re
from functools import lru_cache
from math import isclose, pi

# name, size in base units, powers of the base units
_SYMBOLS = """
m 1 m|g 0.001 kg|s 1 s|L 0.001 m3|l 0.001 m3|V 1 kg.m2.s-3.A-1|A 1 A|N 1 kg.m.s-2|J 1 kg.m2.s-2|W 1 kg.m2.s-3
|Hz 1 s-1|Pa 1 kg.m-1.s-2|eV 1.602176634e-19 kg.m2.s-2|mol 1 mol|Wh 3600 kg.m2.s-2|cal 4.184 kg.m2.s-2
|bar 1e5 kg.m-1.s-2|T 1 kg.s-2.A-1|Wb 1 kg.m2.s-2.A-1|ohm 1 kg.m2.s-3.A-2|Ω 1 kg.m2.s-3.A-2|B 8 bit|bit 1 bit
|F 1 A2.s4.kg-1.m-2|C 1 A.s|H 1 kg.m2.s-2.A-2|rad 1 rad|K 1 K|cd 1 cd|lm 1 lm|Bq 1 s-1|Sv 1 m2.s-2|Gy 1 m2.s-2
"""
_OTHERS = """
mi 1609.344 m|ft 0.3048 m|in 0.0254 m|yd 0.9144 m|min 60 s|h 3600 s|day 86400 s|week 604800 s|month 2629746 s
|year 31556952 s|lb 0.45359237 kg|oz 0.028349523125 kg|$ 1 $|¢ 0.01 $|€ 1 €|£ 1 £|¥ 1 ¥|Rs 1 Rs|CNY 1 CNY
|°C 1 °C|°F 1 °F|°K 1 K|° 0.017453292519943295 rad|mph 0.44704 m.s-1|kph 0.2777777777777778 m.s-1
|rpm 1 rev.min-1|rev 1 rev|ppm 1 ppm|fps 1 fps|bps 1 bit.s-1|pts 1 pts|pcs 1 pcs|atm 101325 kg.m-1.s-2
|psi 6894.757293168 kg.m-1.s-2|acre 4046.8564224 m2|ha 1e4 m2|ton 1 ton|tonne 1000 kg|gal 1 gal|qt 0.25 gal
|pt 0.125 gal|unit 1 unit
"""
_WORDS = {
    "meter": "m", "metre": "m", "gram": "g", "second": "s", "liter": "L", "litre": "L", "volt": "V", "amp": "A",
    "ampere": "A", "newton": "N", "joule": "J", "watt": "W", "hertz": "Hz", "pascal": "Pa", "electronvolt": "eV",
    "mole": "mol", "calorie": "cal", "tesla": "T", "weber": "Wb", "ohm": "ohm", "byte": "B", "bit": "bit",
    "radian": "rad", "kelvin": "K", "candela": "cd", "lumen": "lm", "becquerel": "Bq", "sievert": "Sv", "gray": "Gy",
}  # fmt: skip
_OTHER_WORDS = {
    "mile": "mi", "foot": "ft", "feet": "ft", "inch": "in", "inches": "in", "yard": "yd", "minute": "min", "hour": "h",
    "hr": "h", "sec": "s", "pound": "lb", "ounce": "oz", "degree": "°", "deg": "°", "acre": "acre", "hectare": "ha",
    "gallon": "gal", "quart": "qt", "pint": "pt", "units": "unit", "ton": "ton", "tonne": "tonne", "atmosphere": "atm",
    "days": "day", "weeks": "week", "months": "month", "years": "year", "kmh": "kph", "kmph": "kph", "rupee": "Rs",
    "cent": "¢", "dollar": "$", "euro": "€", "revolution": "rev", "amu": "amu",
}  # fmt: skip
_PREFIXES = {
    "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "d": 0.1, "c": 0.01, "m": 1e-3,
    "µ": 1e-6, "μ": 1e-6, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15,
}  # fmt: skip
_WORD_PREFIXES = {
    "tera": 1e12, "giga": 1e9, "mega": 1e6, "kilo": 1e3, "hecto": 100.0, "deci": 0.1, "centi": 0.01, "milli": 1e-3,
    "micro": 1e-6, "nano": 1e-9, "pico": 1e-12, "femto": 1e-15,
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<per>/|per\b)|(?P<times>\\cdot|\\times|[*·⋅,-])|(?P<before>square|sq|cubic|cu)\b\.?|(?P<after>squared|cubed)\b"
    r"|\^\s*\{?\s*(?P<power>-?\d)\s*\}?|(?P<unit>°\s?[CFK]?(?![A-Za-z])|[A-Za-zµμΩ]+|[$€£¥¢])\.?|(?P<group>[()]))"
)

_AFTER = {"squared": 2, "cubed": 3}

Measure = tuple[float, tuple[tuple[str, int], ...]]


def _table(text: str) -> dict[str, tuple[float, dict[str, int]]]:
    table = {}
    for entry in text.split("|"):
        name, size, bases = entry.split()
        powers = re.findall(r"([^\d.-]+)(-?\d)?", bases)
        table[name] = (float(size), {base: int(power or 1) for base, power in powers})
    return table


_WITH_PREFIX = _table(_SYMBOLS)
_KNOWN = _WITH_PREFIX | _table(_OTHERS)
_KNOWN["rpm"] = (2 * pi / 60, {"rad": 1, "s": -1})
_KNOWN["rev"] = (2 * pi, {"rad": 1})


def _unit(name: str) -> tuple[float, dict[str, int]] | None:
    """Return the size and powers of one unit, by its symbol or name, with or without a prefix."""
    name = re.sub(r"°\s+", "°", name)
    word = name.lower()
    for singular in (word, word.removesuffix("s")):
        if singular in _OTHER_WORDS:
            return _KNOWN.get(_OTHER_WORDS[singular])
        for prefix, size in (("", 1.0), *_WORD_PREFIXES.items()):
            if singular.startswith(prefix) and singular[len(prefix) :] in _WORDS:
                factor, powers = _KNOWN[_WORDS[singular[len(prefix) :]]]
                return factor * size, powers
    if name in _KNOWN:
        return _KNOWN[name]
    if len(name) > 1 and name[0] in _PREFIXES and name[1:] in _WITH_PREFIX:
        factor, powers = _WITH_PREFIX[name[1:]]
        return factor * _PREFIXES[name[0]], powers
    return None


@lru_cache(maxsize=1_024)
def measure(text: str) -> Measure | None:
    """Return the size and the powers of a product or quotient of known units; None if a word is unknown."""
    factors = _factors(text)
    if not factors:
        return None
    size, powers = 1.0, dict[str, int]()
    for factor, bases, power in factors:
        size *= factor**power
        for base, exponent in bases.items():
            powers[base] = powers.get(base, 0) + exponent * power
    return size, tuple(sorted((base, power) for base, power in powers.items() if power))


def _factors(text: str) -> list[tuple[float, dict[str, int], int]] | None:
    """Return the units that are multiplied, each with its power; None for another word, or two possible readings."""
    factors: list[tuple[float, dict[str, int], int]] = []
    sign, ahead, place, below = 1, 1, 0, 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            return None
        place = token.end()
        if token["per"]:
            sign, below = -1, 0
        elif token["before"]:
            ahead = 2 if token["before"].startswith("sq") else 3
        elif token["after"] or token["power"]:
            if not factors:
                return None
            size, bases, power = factors[-1]
            factors[-1] = (size, bases, power * int(token["power"] or _AFTER[token["after"]]))
        elif token["unit"]:
            unit = _unit(token["unit"])
            below += 1
            if unit is None or (sign < 0 and below > 1 and "(" not in text):
                return None  # "J/kg K" may be J K/kg
            factors.append((*unit, sign * ahead))
            ahead = 1
    return factors


def differ(one: str, other: str) -> bool:
    """Whether two units are both known and certainly not the same."""
    if {one, other} == {"lb", "£"}:
        return False  # both are called pounds
    if any(letter in (one, other) for letter in "FC") and "°" in one + other:
        return False  # a temperature whose degree sign is missing
    ours, theirs = measure(one), measure(other)
    if ours is None or theirs is None:
        return False
    return ours[1] != theirs[1] or not isclose(ours[0], theirs[0], rel_tol=1e-6)
