"""Print matches side by side: the run's text and the evaluation question, shared words highlighted."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.console import stdout
from infogap.decontaminate.checked_texts import spans, texts
from infogap.decontaminate.stage import QUESTIONS
from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION

if TYPE_CHECKING:
    from rich.text import Text

_CONTEXT = 12  # words shown on each side of a shared passage; longer stretches between passages are shortened


def matches_of(run: Run, limit: int | None = None) -> pl.DataFrame:
    """Return the table `contamination`, largest shares first, with both texts as `text` and `question`."""
    order = pl.struct(-pl.col("share"), "eval_set", "eval_row", "where", "id")
    matches = run.scan(CONTAMINATION).sort(order).head(limit if limit is not None else 2**32 - 1).collect()
    matches = matches.with_row_index("order")
    sides = []
    for where in matches["where"].unique(maintain_order=True):
        wanted = matches.filter(pl.col("where") == where)
        own = [part.join(wanted, on="id", how="semi").select("id", "text") for part in texts(run, where)]
        sides.append(wanted.join(pl.concat(own), on="id", how="left"))
    if not sides:
        return matches.drop("order").with_columns(text=pl.lit(""), question=pl.lit(""))
    questions = pl.read_parquet(run.path / CONTAMINATION.name / QUESTIONS)
    both = pl.concat(sides).join(questions, on=["eval_set", "eval_row"], how="left")
    return both.sort("order").drop("order")


def print_matches(run: Run, matches: pl.DataFrame, total: int) -> None:
    """Print each match in two columns, shared words highlighted, and the total at the end."""
    from rich.table import Table

    settings = run.recipe.decontaminate
    assert settings is not None
    console = stdout()
    for match in matches.iter_rows(named=True):
        table = Table(
            expand=True,
            padding=(0, 1),
            title=_title(match, settings.ngram),
            title_justify="left",
            caption=f"shared: {' '.join(match['matched'].split())}",
            caption_justify="left",
        )
        table.add_column(f"{match['where']} {match['id']}", ratio=1, overflow="fold")
        table.add_column(f"{match['eval_set']}, row {match['eval_row']}", ratio=1, overflow="fold")
        text, question = match["text"], match["question"]
        own, theirs = shared_words(text, question, settings.ngram, settings.ignore)
        table.add_row(_marked(text, own), _marked(question, theirs))
        console.print(table)
    console.print(f"{matches.height:,} of {total:,} matches, the largest shares first")


def _title(match: dict[str, Any], n: int) -> str:
    title = f"{match['share']:.0%} of the question: {match['ngrams']:,} {n}-gram{'s' if match['ngrams'] != 1 else ''}"
    return f"{title}, common words" if match["common"] else title


def shared_words(text: str, question: str, n: int, ignore: list[str]) -> tuple[list[bool], list[bool]]:
    """Return, for each word of both texts, whether it is in a shared n-gram."""
    phrases = [_words(phrase) for phrase in ignore]
    sides = [_kept(_words(side), phrases) for side in (text, question)]
    grams = [_grams([word for _, word in kept], n) for kept in sides]
    both = set(grams[0]) & set(grams[1])
    marks = []
    for side, kept, own in zip((text, question), sides, grams, strict=True):
        marked = [False] * len(spans(side))
        for start, gram in enumerate(own):
            if gram in both:
                for place, _ in kept[start : start + len(gram)]:
                    marked[place] = True
        marks.append(marked)
    return marks[0], marks[1]


def _words(text: str) -> list[str]:
    return [text[start:stop].lower() for start, stop in spans(text)]


def _kept(words: list[str], phrases: list[list[str]]) -> list[tuple[int, str]]:
    """Return the words outside of ignored phrases, each with its index."""
    ignored: set[int] = set()
    for phrase in filter(None, phrases):
        for start in range(len(words) - len(phrase) + 1):
            if words[start : start + len(phrase)] == phrase:
                ignored.update(range(start, start + len(phrase)))
    return [(place, word) for place, word in enumerate(words) if place not in ignored]


def _grams(words: list[str], n: int) -> list[tuple[str, ...]]:
    size = min(n, len(words))
    return [tuple(words[start : start + size]) for start in range(len(words) - size + 1)] if words else []


def _marked(text: str, marks: list[bool]) -> Text:
    """Highlight the marked words; shorten long stretches without any."""
    from rich.text import Text

    shown = Text()
    places = spans(text)
    for mark, group in groupby(range(len(places)), key=marks.__getitem__):
        run = list(group)
        stop = places[run[-1] + 1][0] if run[-1] + 1 < len(places) else len(text)
        if mark:
            last = places[run[-1]][1]
            shown.append(text[places[run[0]][0] : last], style="bold black on yellow")
            shown.append(text[last:stop])
        elif len(run) <= 2 * _CONTEXT + 4:
            shown.append(text[places[run[0]][0] : stop], style="dim")
        else:
            shown.append(text[places[run[0]][0] : places[run[_CONTEXT - 1]][1]], style="dim")
            shown.append(f" [... {len(run) - 2 * _CONTEXT:,} words ...] ", style="dim")
            shown.append(text[places[run[-_CONTEXT]][0] : stop], style="dim")
    return shown
