r"""How fast markers are counted, against loops that a person would write; and the whole measure stage.

python benchmarks/measure.py [--traces 100000] [--stage]

The corpus is made here: traces of 1,000 words with about as many markers as Kim et al. report for unguided traces (14
per 1,000 tokens, some 19 per 1,000 words), formulas, code, and one text in seven with characters beyond ASCII.

infogap counts by two sets of lexicons, each with a worker per core and again in this process alone:

    ten words      kim2026, and a lexicon of the same ten words that counts them as whole words
    both lexicons  infogap, with its 600 markers, and kim2026

The loops:

    ten words      lower(), str.count of each of the ten words as the authors' script does, and one `\bWORD\b` for each
    one pattern    lower(), str.count of each of the ten words, and one pattern of all of infogap's markers
    every marker   lower(), str.count of each of the ten words, and one `\bMARKER\b` for each of infogap's markers

The loop of the ten words does the work of infogap's ten words; the other two that of both lexicons, which the loop of
the ten words does not. Both ratios are printed for each of them.

The loops are one process each, over the first of the texts only (--peer-traces), as every text takes as long. infogap's
seconds include starting its workers, sending them the texts, and making all that the measures hold per lexicon: counts
by marker and by category, density, where the first marker stands, quarters; and whole words in code and formulas, which
the loops count, are told from those of the prose.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import polars as pl

from infogap.measure import STAGE
from infogap.measure.epistemic_markers import lexicon_entries
from infogap.measure.lexicon import Lexicon, load
from infogap.measure.marker_search import MarkerSearch
from infogap.parallel import usable_cores
from infogap.parallel.ordered import processes_in_order
from infogap.recipe import load_recipe
from infogap.runs.run_folder import ROWS_PER_PART, Run
from infogap.schema import TASKS, TRACES

WORDS = 1_000
FILLER = re.findall(
    r"\w+",
    """so the value of this is equal to two and then we get that sum over all terms which gives three for every
    number in sequence if angle between lines must hold since we have already found length side triangle area
    square root both sides equation first second third case where is not divisible by five when n even odd prime
    factor product integer positive therefore subtract add multiply divide result step total probability ways
    choose from set points circle radius let us consider that with as it be there are now also because each one
    more need find answer problem given condition function using at same time but these steps show only remaining
    part of expression can written by hand on left right""",
)
MARKERS = [
    *("wait", "wait", "wait", "hmm", "hmm", "perhaps", "maybe", "maybe", "actually", "actually", "alternatively"),
    *("seems", "might", "might", "likely", "unlikely", "check", "checked", "let me check", "let me verify", "not sure"),
    *("let me double-check", "I think", "I think", "probably", "hold on", "that's not right", "let's check", "what if"),
    *("that doesn't make sense", "another approach", "could be", "I'm not sure", "it seems", "let me think again"),
]
FORMULAS = ["$x^2+3x$", r"\(n\ge2\)", r"$\frac{a}{b}$", r"$$\sum_{i=1}^n i$$", r"\[a=b\]", "$k$", "$5"]
BEYOND_ASCII = ["it’s", "—", "×", "π", "≤", "让我检查一下。", "也许不对，", "可能是5。"]
CODE = "```python\nfor wait in range(10):\n    check = maybe(wait)\n```\n"


def corpus(traces: int, seed: int = 2026) -> list[str]:
    """Texts of exactly 1,000 words, put together from sentences."""
    draw = random.Random(seed)
    plain = [_sentence(draw, []) for _ in range(4_000)]
    beyond = [_sentence(draw, BEYOND_ASCII) for _ in range(1_000)]
    return [_trace(draw, plain if draw.random() < 6 / 7 else beyond) for _ in range(traces)]


def _sentence(draw: random.Random, others: list[str]) -> list[str]:
    words = [draw.choice(FILLER) for _ in range(draw.randint(8, 24))]
    words[0] = words[0].capitalize()
    inserted = [draw.choice(MARKERS)] if draw.random() < 0.4 else []
    inserted += [draw.choice(FORMULAS)] if draw.random() < 0.4 else []
    inserted += [draw.choice(others)] if others and draw.random() < 0.5 else []
    for piece in inserted:
        words.insert(draw.randrange(len(words)), piece)
    words[-1] += draw.choice((".", ".", ".\n\n", "?", ":\n"))
    return " ".join(words).split(" ")


def _trace(draw: random.Random, sentences: list[list[str]]) -> str:
    text = CODE if draw.random() < 0.1 else ""
    words = len(text.split())
    pieces = [text]
    while words < WORDS:
        sentence = draw.choice(sentences)[: WORDS - words]
        words += len(sentence)
        pieces.append(" ".join(sentence))
    return " ".join(pieces).strip()


def ten_words(texts: list[str]) -> None:
    words = list(load("kim2026", Path).markers)
    for text in texts:
        lowered = text.lower()
        {word: lowered.count(word) for word in words}
        {word: len(re.findall(rf"\b{re.escape(word)}\b", lowered)) for word in words}


def one_pattern(texts: list[str]) -> None:
    words, markers = list(load("kim2026", Path).markers), sorted(load("infogap", Path).markers, key=len, reverse=True)
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, markers))})\b")
    for text in texts:
        lowered = text.lower()
        {word: lowered.count(word) for word in words}
        Counter(pattern.findall(lowered))


def every_marker(texts: list[str]) -> None:
    words, markers = list(load("kim2026", Path).markers), list(load("infogap", Path).markers)
    patterns = [rf"\b{re.escape(marker)}\b" for marker in markers]
    compiled = {marker: re.compile(pattern) for marker, pattern in zip(markers, patterns, strict=True)}
    for text in texts:
        lowered = text.lower()
        {word: lowered.count(word) for word in words}
        {marker: len(pattern.findall(lowered)) for marker, pattern in compiled.items()}


@dataclass(frozen=True)
class Counting:
    """What the measure stage does for its lexicons, and nothing else of it."""

    lexicons: list[Lexicon]

    @cached_property
    def search(self) -> MarkerSearch:
        return MarkerSearch(self.lexicons)

    def entries(self, texts: list[str]) -> pl.DataFrame:
        found = self.search.matches(texts)
        sizes, nothing, lengths = [len(text) for text in texts], [0] * len(texts), [WORDS] * len(texts)
        return pl.DataFrame(
            {
                lexicon.name: lexicon_entries(lexicon, markers, sizes, nothing, lengths)
                for lexicon, markers in zip(self.lexicons, found, strict=True)
            }
        )


def ten_words_lexicons(folder: Path) -> list[Lexicon]:
    """kim2026, and a lexicon of the same words that counts them as whole words."""
    kim = load("kim2026", Path)
    path = folder / "ten.yaml"
    path.write_text(f"name: ten\nsource: kim2026\nmatching: word\nmarkers: {{ten: [{', '.join(kim.markers)}]}}\n")
    return [kim, load(str(path), Path)]


def counted_by_workers(counting: Counting, texts: list[str]) -> int:
    starts = range(0, len(texts), ROWS_PER_PART)
    slices = (texts[start : start + ROWS_PER_PART] for start in starts)
    return sum(frame.height for frame in processes_in_order(counting.entries, slices, len(starts)))


def run_of(texts: list[str], folder: Path) -> Run:
    """A run that holds these texts as traces of one task."""
    (folder / "recipe.yaml").write_text(
        "name: speed\ntasks: [{from: tasks.jsonl}]\nteacher: {backend: embedded}\ngenerate: {privileges: [unguided]}\n"
    )
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([dict.fromkeys(TASKS.schema.names()) | {"task_id": "a", "question": "What is 2 + 3?"}]))
    trace = dict.fromkeys(TRACES.schema.names()) | {"task_id": "a", "privilege": "unguided", "teacher": "t"}
    with run.rewrite(TRACES) as out:
        for start in range(0, len(texts), ROWS_PER_PART):
            rows = enumerate(texts[start : start + ROWS_PER_PART], start)
            out.write(TRACES.frame([trace | {"trace_id": str(row), "response": text} for row, text in rows]))
    return run


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock, and of this process's processor time."""
    started, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - busy


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--peer-traces", type=int, default=1_000)
    parser.add_argument("--stage", action="store_true", help="the whole measure stage, too")
    options = parser.parse_args()
    texts = corpus(options.traces)
    few = texts[: options.peer_traces]
    print(f"{len(texts):,} traces of {WORDS:,} words, {usable_cores()} cores")
    print(f"{'':<32}{'':>9}{'':>9}{'':>10}{'CPU us':>10}  infogap is faster with its")
    print(f"{'':<32}{'traces':>9}{'seconds':>9}{'traces/s':>10}{'per trace':>10}{'ten words':>12}{'both lexicons':>15}")

    with tempfile.TemporaryDirectory() as folder:
        sets = {
            "ten words": Counting(ten_words_lexicons(Path(folder))),
            "both lexicons": Counting([load("infogap", Path), load("kim2026", Path)]),
        }
    per_trace: list[float] = []

    def row(name: str, traces: int, took: float, busy: float | None, peer: bool = False) -> None:
        processor = f"{busy / traces * 1e6:>10,.0f}" if busy else f"{'':>10}"
        ratios = [f"{took / traces / ours:.1f} x" if peer else "" for ours in per_trace]
        print(
            f"{name:<32}{traces:>9,}{took:>9.2f}{traces / took:>10,.0f}{processor}"
            f"{''.join(map('{:>13}'.format, ratios))}",
            flush=True,
        )

    for name, counting in sets.items():
        took, _ = timed(partial(counted_by_workers, counting, texts))
        row(f"infogap, {name}", len(texts), took, None)
        per_trace.append(took / len(texts))
    for name, counting in sets.items():
        counting.entries(few[:100])  # compiles
        row(f"infogap, {name}, one process", len(few), *timed(partial(counting.entries, few)))
    for name, loop in {"ten words": ten_words, "one pattern": one_pattern, "every marker": every_marker}.items():
        row(f"loop, {name}", len(few), *timed(partial(loop, few)), peer=True)
    if options.stage:
        with tempfile.TemporaryDirectory() as folder:
            run = run_of(texts, Path(folder))
            row("the measure stage", len(texts), timed(lambda: STAGE.make(run))[0], None)


if __name__ == "__main__":
    main()
