"""The quantities that are compared between privileges, and the compared traces, one narrow row each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from infogap.errors import InputError
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES, VERDICTS
from infogap.verify.pass_rate_filter import GRADED, PROBED, not_selected


@dataclass(frozen=True)
class Quantity:
    """A number that traces have; `lexicon` is the one whose markers are counted.

    score: 1 if the verdict is `correct`, else 0. length: in tokens, or in words if some token counts are unknown.
    epistemic_count: markers. epistemic_density: markers per 1,000 of the unit of length. gap_per_token and surprisal:
    nats per token, of scored traces. rsr: their Rank-Surprisal Ratio. Any other name is a column of one of the recipe's
    own measures.
    """

    name: str
    lexicon: str | None = None

    @property
    def column(self) -> str:
        return self.name if self.lexicon is None else f"{self.name} {self.lexicon}"


SCORE, LENGTH = Quantity("score"), Quantity("length")
SCORED = (Quantity("gap_per_token"), Quantity("surprisal"), Quantity("rsr"))
_SCORED_COLUMNS = [quantity.column for quantity in SCORED]


def quantities(lexicons: list[str], measured: list[str], *, scored: bool) -> list[Quantity]:
    """Return the compared quantities, in display order."""
    markers = [
        quantity
        for lexicon in lexicons
        for quantity in (Quantity("epistemic_count", lexicon), Quantity("epistemic_density", lexicon))
    ]
    return [SCORE, LENGTH, *markers, *map(Quantity, measured), *(SCORED if scored else ())]


def lexicons_of(run: Run) -> list[str]:
    """Return the names of the lexicons by which a run was measured, in the recipe's order."""
    for part in run.parts(MEASURES):
        for entries in part["lexicons"].drop_nulls().head(1):
            return [entry["lexicon"] for entry in entries]
    return []


def measured_numbers(run: Run) -> list[str]:
    """Return the columns of the recipe's own measures that are numbers or booleans."""
    stored = run.stored(MEASURES).schema
    return [name for name, dtype in stored.items() if name not in MEASURES.schema and _is_number(dtype)]


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def check_selection(run: Run, with_verdicts: bool) -> None:
    """Raise InputError without `with_verdicts` where `select` keeps tasks by their verdicts."""
    if not with_verdicts and run.recipe.generate is not None and run.recipe.generate.select is not None:
        raise InputError(
            f"`select` keeps tasks by their verdicts, which are not up to date; first: infogap verify {run.path}"
        )


def samples(run: Run, lexicons: list[str], with_verdicts: bool = True) -> pl.DataFrame:
    """Return a row per trace of the tasks that `select` keeps, by trace_id; derived traces are not among them.

    Columns: `trace_id`, `task_id`, `privilege`, `teacher`, `verdict`, `failed` (no answer to the request), `truncated`,
    `tokens`, `words`, `unconditional` (requested whatever the verdicts on other traces), `score`, `leak`,
    `gap_per_token`, `surprisal`, `rsr`, a column of marker counts for each lexicon, and a column for each number that
    the recipe's own measures compute. Without `with_verdicts`, `verdict` and `score` are null.

    Raises InputError without `with_verdicts` where `select` keeps tasks by their verdicts.
    """
    check_selection(run, with_verdicts)
    run = replace(run, with_derived=False)
    verdicts = run.scan(VERDICTS) if with_verdicts else VERDICTS.empty().lazy()
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
        .join(not_selected(run), on=PROBED, how="anti")
        .join(verdicts.select("trace_id", "verdict"), on="trace_id", how="left")
        .join(
            run.scan(run.stored(MEASURES)).select(
                *("trace_id", "words", "leak", *_SCORED_COLUMNS),
                pl.col(measured_numbers(run)).cast(pl.Float64),
                **counts,
            ),
            on="trace_id",
            how="left",
        )
        .with_columns(
            truncated=(pl.col("finish_reason").eq_missing("length") | pl.col("verdict").eq_missing("truncated")),
            score=pl.when(~pl.col("failed") & pl.col("verdict").is_in(GRADED)).then(
                (pl.col("verdict") == "correct").cast(pl.Float64)
            ),
        )
        .drop("finish_reason")
        .with_columns(pl.col("privilege", "teacher", "verdict").cast(pl.Categorical))
        .collect()
        .sort("trace_id")
    )


def _unconditional(recipe: Recipe) -> pl.Expr:
    """Return True for traces that were requested whatever the verdicts on others of their task and privilege.

    The others are those that `until` requests after the first batch, because too few were correct, and a verifier's
    turns after the first, because that one was wrong. Rates over such traces are not the teacher's rates.
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
    """Add `length` and a column of marker densities per lexicon to one teacher's rows; also return the unit of both.

    The unit is `tokens`, or `words` if some token count is unknown, as lengths are compared in one unit only. A trace
    without text has no density.
    """
    with_text = rows.filter(~pl.col("failed") & (pl.col("words") > 0))
    unit = "tokens" if with_text.select((pl.col("tokens") > 0).fill_null(False).all()).item() else "words"
    rows = rows.with_columns(length=pl.when(~pl.col("failed")).then(pl.col(unit)).cast(pl.Float64))
    densities = {
        Quantity("epistemic_density", lexicon).column: pl.when((pl.col("words") > 0) & (pl.col("length") > 0)).then(
            1000 * pl.col(Quantity("epistemic_count", lexicon).column) / pl.col("length")
        )
        for lexicon in lexicons
    }
    return rows.with_columns(**densities), unit
