"""The pool of a mix: every trace of the run with what the mix looks at, and the traces that can be in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import polars as pl
from polars import selectors

from infogap.balance.annotations_read import COLUMNS as ANNOTATED
from infogap.balance.annotations_read import check_annotations
from infogap.balance.exclusion_reasons import detail_of_trace, reason_of_trace
from infogap.balance.mix_columns import columns_of, drops_contaminated
from infogap.decontaminate.contaminated_traces import contaminated_traces
from infogap.errors import InputError, nearest
from infogap.measure.load_measures import measures_table
from infogap.recipe.axis_targets import AxisTargets
from infogap.recipe.balance_section import HoldOut, MixSettings
from infogap.recipe.recipe_errors import AtKeyError
from infogap.runs.run_folder import Run
from infogap.schema import ANNOTATIONS, DERIVATIONS, DUPLICATES, GAPS, MEASURES, TASKS, TRACES, VERDICTS, Table
from infogap.tasks.held_out_tasks import drawn_families
from infogap.verify.pass_rate_filter import GRADED, PROBED, not_selected
from infogap.verify.verifiers import verifier

_OF_TASKS = ("task_id", "source", "family", "difficulty")
_OF_GAPS = tuple(name for name in ("gap_share", "ifd", "answer_confidence", "rsr") if name in GAPS.schema)
_ALWAYS = ("family", "privilege", "verdict", "band", "teacher")
_FIXED = ("trace_id", "task_id", "error", "finish_reason", "leak")
COMPUTED_COLUMNS = ("pass_rate", "cluster")
"""Columns made for a mix: the share of a task's unguided traces that are correct, and the question's cluster."""


_MEASURED = ("words", "completion_tokens", "surprisal")


def measured(name: str) -> str:
    """Return the column of the pool that has the numbers of this one, which as an axis has names of ranges."""
    return f"{name} as measured"


def read_pool(run: Run, mixes: Iterable[MixSettings]) -> pl.DataFrame:
    """Return every trace, by trace_id, with the columns that these mixes look at."""
    mixes = list(mixes)
    wanted = {*_ALWAYS, *(name for mix in mixes for name in columns_of(mix))}
    wanted |= {"cluster"} if any(mix.max_per_cluster for mix in mixes) else set()
    wanted |= {"surprisal"} if any(mix.teacher_per_task == "least_surprising" for mix in mixes) else set()
    for unit, column in (("tokens", "completion_tokens"), ("words", "words")):
        wanted |= {column} if any(getattr(mix.size, unit, None) for mix in mixes) else set()
    if run.recipe.balance.match is not None:
        wanted |= {*run.recipe.balance.match.same} | ({"words"} if run.recipe.balance.match.length else set())
    responds = pl.col("response").str.contains(r"\S").fill_null(False)
    named = sorted({source.verifier for source in run.recipe.table_sources})
    need_gold = [name for name in named if verifier(name).needs_gold]
    without_gold = pl.col("answer").fill_null("").str.strip_chars().eq("") & pl.col("verifier").is_in(need_gold)
    leak_kind = pl.col("leaks").list.first().struct.field("kind")
    joined = joined_columns(run.scan, run.stored(MEASURES))
    of_columns = joined.select(
        *_FIXED,
        *sorted(wanted - {*COMPUTED_COLUMNS, *_FIXED}),
        leak_kind=leak_kind,
        **{measured(name): pl.col(name) for name in _MEASURED if name in wanted},
    )
    pool = (
        of_columns.join(run.scan(TRACES).select("trace_id", responds=responds), on="trace_id", how="left")
        .join(run.scan(TASKS).select("task_id", without_gold=without_gold), on="task_id", how="left")
        .join(_derivations(run).select("trace_id", "derived"), on="trace_id", how="left")
        .join(run.scan(DUPLICATES).select("trace_id", duplicate=True), on="trace_id", how="left")
        .join(_contaminated(run).with_columns(contaminated=True), on="trace_id", how="left")
        .join(not_selected(run).with_columns(left_out=True), on=PROBED, how="left")
    )
    if "pass_rate" in wanted:
        pool = pool.join(_pass_rates(run), on="task_id", how="left")
    if "cluster" in wanted:
        pool = pool.join(_clusters(run), on="task_id", how="left")
    return pool.sort("trace_id").collect()


def with_reasons(run: Run, pool: pl.DataFrame, mix: MixSettings) -> pl.DataFrame:
    """Add, for one mix, the `reason` why a trace cannot be in it and its `detail`; null for a trace that can.

    Nothing can grade the traces of a task without a gold answer. With reasoning-gym or a user's own verifier, an
    ungradable trace is one on which the verifier failed.
    """
    outside = pl.LazyFrame(schema={"trace_id": pl.String}) if mix.where is None else excluded_by(run, mix.where)
    held_out = held_out_families(pool["family"], run.recipe.balance.hold_out, run.recipe.seed)
    try:
        excluded = outside.with_columns(outside_where=True).collect()
    except pl.exceptions.PolarsError as error:  # a value of a column, which the condition itself does not show
        raise AtKeyError(("where",), f"`{mix.where}`: {str(error).splitlines()[0]}") from None
    return (
        pool.join(excluded, on="trace_id", how="left", maintain_order="left")
        .with_columns(held_out=pl.col("family").is_in(held_out) if held_out else pl.lit(False))
        .with_columns(reason=reason_of_trace(mix))
        .with_columns(detail=detail_of_trace())
    )


def held_out_families(families: pl.Series, hold_out: HoldOut | None, seed: int, place: str | None = None) -> list[str]:
    """Return the families that the recipe keeps apart, of those of the run's traces.

    `place` is the key that says so, by default `balance.hold_out`. Raises InputError for a family that the run does not
    have, or too many.
    """
    if hold_out is None:
        return []

    def problem(message: str) -> InputError:
        return AtKeyError(("hold_out",), message) if place is None else InputError(f"recipe, {place}: {message}")

    known = sorted(families.drop_nulls().unique())
    if isinstance(hold_out.families, list):
        for family in hold_out.families:
            if family not in known:
                raise problem(f"no task has the family '{family}'{nearest(family, known)}")
        if set(hold_out.families) >= set(known):
            raise problem("all families are held out, which leaves none to make a mix of")
    elif hold_out.families >= len(known):
        raise problem(f"{hold_out.families} of {len(known)} families leave none to make a mix of")
    return drawn_families(known, hold_out, seed)


def _derivations(run: Run) -> pl.LazyFrame:
    return run.scan(DERIVATIONS) if run.recipe.derive else DERIVATIONS.empty().lazy()


def _contaminated(run: Run) -> pl.LazyFrame:
    """Return the traces that match evaluation sets, if the recipe drops them."""
    traces = contaminated_traces(run)
    return traces if drops_contaminated(run.recipe) else traces.clear()


def _pass_rates(run: Run) -> pl.LazyFrame:
    """Return the share of each task's unguided traces with a verdict that are correct."""
    generate = run.recipe.generate
    unguided = generate.unguided.label if generate else "unguided"
    return (
        run.scan(TRACES)
        .filter(pl.col("privilege") == unguided)
        .select("trace_id", "task_id")
        .join(run.scan(VERDICTS).filter(pl.col("verdict").is_in(GRADED)).select("trace_id", "verdict"), on="trace_id")
        .group_by("task_id")
        .agg(pass_rate=(pl.col("verdict") == "correct").mean())
    )


def _clusters(run: Run) -> pl.LazyFrame:
    """Return the cluster of each task's question: the first task whose question it nearly repeats, or itself."""
    from infogap.dedupe.corpus_batches import Held
    from infogap.dedupe.text_duplicates import removal_table, search
    from infogap.recipe.dedupe_section import Dedupe

    tasks = run.scan(TASKS).select("task_id", "question").sort("task_id").collect()
    settings = Dedupe.model_validate({"scope": "all"})
    texts = tasks["question"].to_list()
    batches = [Held(texts[start : start + 2_000]) for start in range(0, len(texts), 2_000)]
    repeats = removal_table(search(lambda: batches, settings, lambda _rows: None).removals())
    kept = tasks["task_id"].gather(repeats["duplicate_of"])
    of_repeats = pl.DataFrame({"task_id": tasks["task_id"].gather(repeats["row"]), "cluster": kept})
    return (
        tasks.lazy()
        .select("task_id")
        .join(of_repeats.lazy(), on="task_id", how="left")
        .with_columns(pl.col("cluster").fill_null(pl.col("task_id")))
    )


def excluded_by(run: Run, condition: str) -> pl.LazyFrame:
    """The `trace_id` of every trace for which the condition is false or null.

    Raises InputError if the condition is no SQL, or names a column that there is not.
    """
    traces = _with_pass_rate(run, joined_columns(run.scan, run.stored(MEASURES)), condition)
    if problem := _problem(condition, traces):
        raise AtKeyError(("where",), problem)
    # Sorted, as a condition can count rows or compare them with others.
    kept = traces.sort("trace_id").filter(pl.sql_expr(condition)).select("trace_id")
    return run.scan(TRACES).select("trace_id").join(kept, on="trace_id", how="anti")


def check_columns(run: Run) -> None:
    """Raise InputError if a condition or an axis of the recipe names what no table has; the run may have none yet."""
    for path, message in column_problems(run):
        raise InputError(run.problem_at(path, message))
    check_annotations(run)


def column_problems(run: Run) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the places of the recipe's section `balance` that name columns which no table has, and what is wrong."""
    known = joined_columns(lambda table: table.empty().lazy(), measures_table(run))
    lists = [name for name, dtype in known.collect_schema().items() if dtype.is_nested()]
    columns = [name for name in (*known.collect_schema().names(), *COMPUTED_COLUMNS) if name not in lists]

    def no_column(name: str) -> str:
        if name in lists:
            return f"'{name}' is a list for each trace, and has no single value to divide traces by"
        return f"there is no column '{name}'{nearest(name, columns)}; there are: {', '.join(sorted(columns))}"

    balance = run.recipe.balance
    for name, mix in balance.named_mixes():
        own = (balance.mixes or {}).get(name)
        said = own.model_fields_set if own is not None else set()
        for key in ("where", *sorted(mix.axes)):
            place = ("balance", "mixes", name, key) if key in said else ("balance", key)
            if key == "where":
                condition = known.with_columns(pass_rate=pl.lit(None, dtype=pl.Float64))
                if mix.where is not None and (problem := _problem(mix.where, condition)):
                    yield place, problem
            elif key not in columns:
                yield place, no_column(key)
            elif isinstance(asked := mix.axes[key], AxisTargets):
                for column in (asked.within, asked.given):
                    if column is not None and column not in columns:
                        yield place, no_column(column)
    for column in balance.match.same if balance.match else ():
        if column not in columns:
            yield ("balance", "match", "same"), no_column(column)


def joined_columns(scan: Callable[[Table], pl.LazyFrame], measures: Table) -> pl.LazyFrame:
    """Return the traces with the columns of their tasks, verdicts, measures and annotations; NaN is null.

    A trace without an annotation has the empty tag and note, so that `tag != 'bad'` is true of it.
    """
    return (
        scan(TRACES)
        .join(scan(TASKS).select(_OF_TASKS), on="task_id", how="left")
        .join(scan(VERDICTS), on="trace_id", how="left")
        .join(scan(measures), on="trace_id", how="left")
        .join(scan(GAPS).select("trace_id", *_OF_GAPS), on="trace_id", how="left")
        .join(scan(ANNOTATIONS), on="trace_id", how="left")
        .with_columns(pl.col(ANNOTATED).fill_null(""))
        .with_columns(selectors.float().fill_nan(None))  # NaN is no number: it would be the largest
    )


def _with_pass_rate(run: Run, traces: pl.LazyFrame, condition: str) -> pl.LazyFrame:
    return traces.join(_pass_rates(run), on="task_id", how="left") if "pass_rate" in condition else traces


def _problem(condition: str, traces: pl.LazyFrame) -> str | None:
    """Say what is wrong with an SQL condition over some columns; None if nothing is."""
    try:
        pl.DataFrame(schema=traces.collect_schema()).filter(pl.sql_expr(condition))
    except pl.exceptions.PolarsError as error:
        message = str(error).splitlines()[0]
        columns = ", ".join(traces.collect_schema().names())
        if "cannot compare string with numeric" in message:
            message += "; a number that is kept as text: CAST(difficulty AS DOUBLE) >= 2"
        return f"`{condition}`: {message}; there are the columns {columns}"
    return None
