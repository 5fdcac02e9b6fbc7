"""How fast answers are graded: infogap's worker processes against a loop over Math-Verify in one process.

    python benchmarks/grading.py [--items 4000] [--hangs 4] [--rounds 3] [--math500 math500.parquet]

The same responses and gold answers on both sides, taking turns: answers of many kinds that the script makes up, right
and wrong, and some that keep a grader busy for ever. The loop bounds these as Math-Verify does by itself, by an alarm
after 5 seconds; infogap gets the same limit, which is not its default. infogap's seconds begin before its workers are
started, the loop's after its imports. `--math500`: also MATH-500's reference solutions, against their own and the next
row's answer. With other programs at work the ratio says little: the load is printed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from infogap.parallel import usable_cores
from infogap.verify.grade_traces import prepared
from infogap.verify.grading_pool import grade_all

LIMIT = 5.0  # seconds: Math-Verify's own default
HANGS = (r"9^{9^{9^{9}}}", r"\binom{10^{9}}{5 \cdot 10^{8}}", r"(10^{10})!")

Pair = tuple[str, str]  # response, gold answer


def _number(chance: random.Random) -> Pair:
    value = chance.randint(-999, 9999)
    return str(value), f"{value}.0"


def _decimal(chance: random.Random) -> Pair:
    hundredths = chance.randint(1, 99_999)
    return f"{hundredths / 100:.2f}", rf"\frac{{{hundredths}}}{{100}}"


def _fraction(chance: random.Random) -> Pair:
    over, under, factor = chance.randint(1, 40), chance.randint(2, 40), chance.randint(2, 5)
    return rf"\frac{{{over * factor}}}{{{under * factor}}}", rf"\dfrac{{{over}}}{{{under}}}"


def _root(chance: random.Random) -> Pair:
    inside, before = chance.choice((2, 3, 5, 6, 7, 10)), chance.randint(2, 30)
    return rf"\sqrt{{{inside * before * before}}}", rf"{before}\sqrt{{{inside}}}"


def _polynomial(chance: random.Random) -> Pair:
    a, b = chance.randint(1, 12), chance.randint(1, 12)
    return f"(x+{a})(x-{b})", f"x^2 + {a - b}x - {a * b}".replace("+ -", "- ")


def _pair(chance: random.Random) -> Pair:
    a, b = chance.randint(-20, 20), chance.randint(2, 20)
    return rf"\left( {a}, \frac{{2\pi}}{{{2 * b}}} \right)", rf"({a}, \frac{{\pi}}{{{b}}})"


def _interval(chance: random.Random) -> Pair:
    a, b = chance.randint(-50, 0), chance.randint(1, 50)
    return rf"(-\infty, {a}] \cup ({b}, \infty)", rf"(-\infty,{a}]\cup({b},\infty)"


def _set(chance: random.Random) -> Pair:
    values = [str(value) for value in sorted(chance.sample(range(-30, 30), 3))]
    return ", ".join(reversed(values)), rf"\{{{', '.join(values)}\}}"


def _matrix(chance: random.Random) -> Pair:
    values = [chance.randint(-9, 9) for _ in range(4)]
    a, b, c, d = values
    return (
        rf"\begin{{pmatrix}} {a} & {b} \\ {c} & {d} \end{{pmatrix}}",
        rf"\begin{{bmatrix}}{a}&{b}\\{c}&{d}\end{{bmatrix}}",
    )


def _equation(chance: random.Random) -> Pair:
    a, b = chance.randint(2, 20), chance.randint(-20, 20)
    return f"y = {a}x - {-b}", f"y = {a}x + {b}".replace("+ -", "- ")


def _power(chance: random.Random) -> Pair:
    base, exponent = chance.randint(2, 9), chance.randint(3, 12)
    return f"{base}^{{{exponent}}}", str(base**exponent)


def _words(chance: random.Random) -> Pair:
    word = chance.choice(("Evelyn", "even", "no solution", "Wednesday", "ellipse"))
    return rf"\text{{{word}}}", rf"\text{{{word.capitalize()}}}"


# Each kind's share of MATH-500's gold answers, per cent.
KINDS: dict[Callable[[random.Random], Pair], int] = {
    _number: 65, _fraction: 12, _root: 5, _polynomial: 4, _power: 4, _pair: 2, _words: 2, _set: 1, _decimal: 2,
    _matrix: 1, _interval: 1, _equation: 1,
}  # fmt: skip


def made_up(items: int, hangs: int, *, alike: bool = False) -> list[Pair]:
    """Responses and gold answers, a third of them wrong, and hanging ones spread among them.

    Of the kinds as many as in MATH-500; `alike`: of each kind as many.
    """
    chance = random.Random(20261124)
    shares = [1] * len(KINDS) if alike else list(KINDS.values())
    pairs = []
    for number, kind in enumerate(chance.choices(list(KINDS), shares, k=items)):
        answer, gold = kind(chance)
        if number % 3 == 0:
            gold = kind(chance)[1]
        pairs.append((f"We take each case in turn, and so\n\n\\[\\boxed{{{answer}}}\\]", gold))
    for number in range(hangs):
        hanging = HANGS[number % len(HANGS)]
        pairs.insert(chance.randrange(len(pairs)), (f"It is $\\boxed{{{hanging}}}$.", "7"))
    return pairs


def of_math500(file: Path) -> list[Pair]:
    rows = pl.read_parquet(file).to_dicts()
    texts = [json.loads(row["extra_info"])["solution"] for row in rows]
    golds = [str(json.loads(row["reward_model"])["ground_truth"]) for row in rows]
    return [*zip(texts, golds, strict=True), *zip(texts, golds[1:] + golds[:1], strict=True)]


def by_infogap(pairs: list[Pair]) -> tuple[float, list[str]]:
    started = time.perf_counter()
    work = []
    for number, (response, gold) in enumerate(pairs):
        task = {"question": "", "answer": gold, "verifier": "math", "metadata": None}
        work.append(
            (
                str(number),
                prepared(task, {"response": response, "reasoning": "", "finish_reason": "stop", "error": None}),
            )
        )
    verdicts: list[str] = [grade.verdict for _, grade in grade_all(work, verifiers=["math"], limit=LIMIT)]
    return time.perf_counter() - started, verdicts


def by_loop(pairs: list[Pair]) -> tuple[float, list[str]]:
    """In a process of its own, whose main thread may have an alarm."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_loop, args=(pairs, theirs))
    process.start()
    seconds, verdicts = ours.recv()
    process.join()
    return seconds, verdicts


def _loop(pairs: list[Pair], connection: object) -> None:
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)  # it tells every timeout
    parse(r"$\frac{1}{2}$")  # what is made at the first call
    started = time.perf_counter()
    verdicts = []
    for response, gold in pairs:
        right = verify(parse(f"${gold}$"), parse(response))
        verdicts.append("correct" if right else "wrong")
    connection.send((time.perf_counter() - started, verdicts))  # type: ignore[attr-defined]


def compare(name: str, pairs: list[Pair], rounds: int) -> None:
    seconds: dict[str, list[float]] = {"loop": [], "infogap": []}
    for _ in range(rounds):
        for side, grade in (("loop", by_loop), ("infogap", by_infogap)):
            took, verdicts = grade(pairs)
            seconds[side].append(took)
            print(f"  {side:<8}{took:>8.1f} s  {dict(sorted(Counter(verdicts).items()))}", flush=True)
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    ratios = [loop / ours for loop, ours in zip(seconds["loop"], seconds["infogap"], strict=True)]
    loop, ours = (statistics.median(seconds[side]) for side in ("loop", "infogap"))
    print(
        f"{name}: {len(pairs):,} answers, loop {loop:.1f} s, infogap {ours:.1f} s on {usable_cores()} cores: ", end=""
    )
    print(f"{loop / ours:.2f} times as fast (worst of {rounds}: {min(ratios):.2f}; {load})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=4_000)
    parser.add_argument("--hangs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--math500", type=Path)
    given = parser.parse_args()
    compare(f"with {given.hangs} that hang", made_up(given.items, given.hangs), given.rounds)
    compare("none that hangs", made_up(given.items, 0), given.rounds)
    compare("each kind alike", made_up(given.items // 4, 0, alike=True), given.rounds)
    if given.math500:
        compare("MATH-500", of_math500(given.math500), given.rounds)


if __name__ == "__main__":
    main()
