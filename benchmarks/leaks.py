"""How fast traces are scanned for leaks, against a plain loop with the same rules.

The plain loop tries every expression on the whole text with `re`, and counts copied n-grams with Python sets. Both read
the same corpus, made here: traces of 1,000 words, each with a context of 250 words and a question. The last line is all
that the measure stage computes of such traces: leaks, markers by both lexicons, answers stated on the way, words.

    python benchmarks/leaks.py [--traces 4000] [--loop 200]
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infogap.leaks.copy_limits import NGRAM
from infogap.leaks.leak_scan import load_leaks
from infogap.leaks.scanned_trace import ScannedTrace, plain_lower
from infogap.measure.epistemic_markers import answer_changes, lexicon_entries
from infogap.measure.lexicon import load
from infogap.measure.marker_search import MarkerSearch
from infogap.parallel import usable_cores
from infogap.parallel.ordered import processes_in_order
from infogap.text.text_batch import word_counts

_LEXICONS = [load("infogap", Path), load("kim2026", Path)]
_SEARCH = MarkerSearch(_LEXICONS)
_AT_ONCE = 100  # traces per item of work, as in the measure stage
_SENTENCES = (
    "Let me compute the value of {a} times {b} first.",
    "So {a} + {b} = {c}, which means that the total is {c}.",
    "Wait, I should check whether {a} divides {c} before I go on.",
    "Alternatively, we can write ${a}x^2 - {b}x = {c}$ and factor the left side.",
    "Hmm, that does not look right, because the sum must be even.",
    "If we substitute x = {a} into the equation, both sides are equal to {b}.",
    "The solution of the second equation is x = {a}, so the answer is not {b}.",
    "Therefore the number of ways is \\binom{{{c}}}{{{a}}}, and I keep {b} of them.",
    "Next, note that the triangle has sides {a}, {b} and {c}, as the problem says.",
    "That matches the result of the first step, so this part seems to be fine.",
    "Let's go back to the given condition and see what happens for n = {a}.",
    "Perhaps there is a shorter way, but the long one leads to the same number.",
)
_WORKED = (
    "Denote by {a} the first of the quantities and by {b} the one that follows it in the table.",
    "Every such pair contributes exactly {c} units, no matter how its members were chosen.",
    "Adding all contributions up we arrive at a total of {c}, from which {a} have to be taken away.",
    "It remains to observe that none of the {b} cases overlaps with another.",
    "Hence the polynomial $x^2 - {a}x + {b}$ has its vertex at half of {a}.",
    "By symmetry it suffices to treat the first {a} rows of the board.",
    "A short calculation shows that the remainder on division by {a} equals {b}.",
    "Since the sequence is periodic with period {a}, only the last {b} terms matter here.",
)
_LEAKING = "The provided solution does the same, and the answer key says {c} too."


def _text(random_: random.Random, sentences: Sequence[str], words: int, leaking: bool = False) -> str:
    parts: list[str] = []
    length = 0
    while length < words:
        a, b, c = (random_.randrange(2, 400) for _ in range(3))
        part = random_.choice(sentences).format(a=a, b=b, c=c)
        parts.append(part)
        length += len(part.split())
    if leaking:
        parts.insert(len(parts) // 2, _LEAKING.format(c=7))
    return "\n".join(" ".join(" ".join(parts).split()[:words]).rsplit(". ", 3))


def corpus(traces: int, seed: int = 7) -> list[ScannedTrace]:
    """Traces of 1,000 words, every twentieth with two references; each has a context of its own."""
    random_ = random.Random(seed)
    made: list[ScannedTrace] = []
    for number in range(traces):
        gold = str(random_.randrange(1000, 9999))
        question = _text(random_, _SENTENCES, 40)
        context = f"A solution:\n{_text(random_, _WORKED, 245)} \\boxed{{{gold}}}"
        made.append(ScannedTrace.of(_text(random_, _SENTENCES, 1000, number % 20 == 0), question, context, gold))
    return made


def plain(expressions: Sequence[re.Pattern[str]], trace: ScannedTrace) -> tuple[int, float]:
    """Matches of all expressions in the whole text, and the share of copied n-grams, by what Python has for it."""
    lowered = plain_lower(trace.text)
    matches = sum(1 for expression in expressions for _ in expression.finditer(lowered))
    grams, shown, asked = (_grams(text) for text in (trace.text, trace.context or "", trace.question))
    return matches, sum(gram in shown and gram not in asked for gram in grams) / len(grams)


def _grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + NGRAM]) for start in range(len(words) - NGRAM + 1)}


def all_measures(traces: Sequence[ScannedTrace]) -> None:
    """What a worker of the measure stage does for some traces, apart from putting the columns together."""
    texts, questions = [trace.text for trace in traces], [trace.question for trace in traces]
    lengths = word_counts(texts)
    nothing = [0] * len(texts)
    for lexicon, matches in zip(_LEXICONS, _SEARCH.matches(texts, questions), strict=True):
        lexicon_entries(lexicon, matches, [len(text) for text in texts], nothing, lengths)
    for text in texts:
        answer_changes(text)
    load_leaks().find_all([ScannedTrace.of(trace.text, trace.question, trace.context, trace.gold) for trace in traces])


def processor(work: Callable[[Sequence[ScannedTrace]], object], traces: Sequence[ScannedTrace]) -> float:
    """Processor seconds of this process."""
    began = time.process_time()
    work(traces)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=4000)
    parser.add_argument("--loop", type=int, default=200, help="traces that the plain loop reads; it is slow")
    options = parser.parse_args()
    scan, scanned = load_leaks(), corpus(options.traces)
    expressions = [rule.pattern for rule in scan.rules.rules]
    scan.find_all(scanned[:_AT_ONCE])  # what is compiled once is compiled

    batches = [scanned[start : start + _AT_ONCE] for start in range(0, len(scanned), _AT_ONCE)]
    begin = time.perf_counter()
    one = [result for batch in batches for result in scan.find_all(batch)]
    one_core = len(scanned) / (time.perf_counter() - begin)

    begin = time.perf_counter()
    several = [result for results in processes_in_order(scan.find_all, batches, len(batches)) for result in results]
    all_cores = len(scanned) / (time.perf_counter() - begin)
    if several != one:
        raise SystemExit("one process and several find different leaks")

    begin = time.perf_counter()
    for trace in scanned[: options.loop]:
        plain(expressions, trace)
    loop = min(options.loop, len(scanned)) / (time.perf_counter() - begin)

    all_measures(scanned[:_AT_ONCE])
    few = scanned[: options.loop]
    busy = {
        "the scan": min(processor(scan.find_all, few) for _ in range(3)),
        "all measures": min(processor(all_measures, few) for _ in range(3)),
    }

    leaking = sum(bool(result.leaks) for result in one)
    sys.stdout.write(
        f"{len(scanned)} traces of 1,000 words, {len(expressions)} expressions, {leaking} traces leak\n"
        f"one process      {one_core * 60:>10,.0f} traces/minute  {one_core / loop:>6.1f} x the plain loop\n"
        f"{usable_cores()} processes      {all_cores * 60:>10,.0f} traces/minute  {all_cores / loop:>6.1f} x\n"
        f"the plain loop   {loop * 60:>10,.0f} traces/minute\n"
    )
    for name, seconds in busy.items():
        sys.stdout.write(f"{name:<17}{seconds / len(few) * 1e6:>10,.0f} CPU us per trace, one process, best of 3\n")


if __name__ == "__main__":
    main()
