"""What is compared between privileges, and the traces that are compared, one narrow row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES, VERDICTS
from infogap.verify.pass_rate_filter import JUDGED, not_selected


@dataclass(frozen=True)
class Quantity:
    """A number that every trace has; `lexicon` says by which one markers are counted.

    score: 1 where the verdict is `correct`, else 0. length: tokens, or words where some tokens are not known.
    epistemic_count: markers. epistemic_density: markers per 1,000 of the unit of length. gap_per_token and surprisal:
    nats per token, of traces that are scored.
    """

    name: Literal["score", "length", "epistemic_count", "epistemic_density", "gap_per_token", "surprisal"]
    lexicon: str | None = None

    @property
    def column(self) -> str:
        return self.name if self.lexicon is None else f"{self.name} {self.lexicon}"


SCORE, LENGTH = Quantity("score"), Quantity("length")


SCORED = (Quantity("gap_per_token"), Quantity("surprisal"))


def quantities(lexicons: list[str], *, scored: bool) -> list[Quantity]:
    """Everything that is compared, in the order in which it is shown."""
    markers = [
        quantity
        for lexicon in lexicons
        for quantity in (Quantity("epistemic_count", lexicon), Quantity("epistemic_density", lexicon))
    ]
    return [SCORE, LENGTH, *markers, *(SCORED if scored else ())]


_SCORED_COLUMNS = [quantity.column for quantity in SCORED]


def lexicons_of(run: Run) -> list[str]:
    """The names of the lexicons by which a run was measured, in the recipe's order."""
    for part in run.parts(MEASURES):
        for entries in part["lexicons"].drop_nulls().head(1):
            return [entry["lexicon"] for entry in entries]
    return []


def samples(run: Run, lexicons: list[str], judged: bool = True) -> pl.DataFrame:
    """One row per trace of the tasks that `select` keeps, by trace_id.

    Besides `task_id`, `privilege`, `teacher` and `verdict` (null everywhere where not `judged`): `failed` (its request
    has no answer), `truncated`, `tokens`, `words`, `unconditional` (asked whatever came of other traces), `score`,
    `gap_per_token`, `surprisal`, and a column of marker counts for each lexicon.
    """
    verdicts = run.scan(VERDICTS) if judged else VERDICTS.empty().lazy()
    counts = {
        Quantity("epistemic_count", lexicon).column: pl.col("lexicons")
        .list.get(place, null_on_oob=True)
        .struct.field("epistemic_count")
        for place, lexicon in enumerate(lexicons)
    }
    return (
        run.scan(TRACES)
        .select(
            *("trace_id", "task_id", "privilege", "teacher", "finish_reason"),
            failed=pl.col("error").is_not_null(),
            tokens=pl.col("completion_tokens"),
            unconditional=_unconditional(run.recipe),
        )
        .join(not_selected(run), on="task_id", how="anti")
        .join(verdicts.select("trace_id", "verdict"), on="trace_id", how="left")
        .join(run.scan(MEASURES).select("trace_id", "words", *_SCORED_COLUMNS, **counts), on="trace_id", how="left")
        .with_columns(
            truncated=(pl.col("finish_reason").eq_missing("length") | pl.col("verdict").eq_missing("truncated")),
            score=pl.when(~pl.col("failed") & pl.col("verdict").is_in(JUDGED)).then(
                (pl.col("verdict") == "correct").cast(pl.Float64)
            ),
        )
        .drop("finish_reason")
        .collect()
        .sort("trace_id")
    )


def _unconditional(recipe: Recipe) -> pl.Expr:
    """Whether a trace was asked for whatever the verdicts on others of its task and privilege were.

    Not so: what `until` asks for after the first batch, because too few were right, and a verifier's turns after the
    first, because that one was wrong. Rates over such traces are no rates of the teacher.
    """
    generate = recipe.generate
    if generate is None:
        return pl.lit(value=True)
    first_turn = pl.col("round") == pl.col("round").min().over("task_id", "privilege", "teacher", "sample")
    if generate.until is None:
        return first_turn
    batch = pl.lit(generate.samples)
    if generate.select is not None:
        probes = pl.col("privilege") == generate.unguided.label
        batch = pl.when(probes).then(generate.select.samples).otherwise(generate.samples)
    return first_turn & (pl.col("sample") < batch)


def with_lengths(rows: pl.DataFrame, lexicons: list[str]) -> tuple[pl.DataFrame, str]:
    """The rows of one teacher with `length` and a column of marker densities for each lexicon, and the unit of both.

    The unit is `tokens`, and `words` where the tokens of some answer are not known: lengths are only compared in one.
    A trace without text has no density.
    """
    told = rows.filter(~pl.col("failed") & (pl.col("words") > 0))
    unit = "tokens" if told.select((pl.col("tokens") > 0).fill_null(False).all()).item() else "words"
    rows = rows.with_columns(length=pl.when(~pl.col("failed")).then(pl.col(unit)).cast(pl.Float64))
    densities = {
        Quantity("epistemic_density", lexicon).column: pl.when((pl.col("words") > 0) & (pl.col("length") > 0)).then(
            1000 * pl.col(Quantity("epistemic_count", lexicon).column) / pl.col("length")
        )
        for lexicon in lexicons
    }
    return rows.with_columns(**densities), unit
