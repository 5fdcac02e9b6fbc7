"""Define what a published config is, a view of the dataset that users load by name, and the columns configs share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from infogap.balance.mix_table import mix_by_trace
from infogap.publish.redaction import public_label
from infogap.publish.run_slices import scan_belonging
from infogap.recipe.balance_section import MixSettings
from infogap.rows.message_turns import TURNS, Turn, turns_of
from infogap.runs.run_folder import Run
from infogap.schema import DERIVATIONS, DUPLICATES, MEASURES, MIX, STATED_VERDICTS, TASKS, TRACE_TURNS, VERDICTS, Table
from infogap.text.thoughts import ANSWER_TAGS, CLOSING, OPENING

_MESSAGE = {"role": pl.String, "content": pl.String}
MESSAGES = pl.List(pl.Struct(_MESSAGE))
_QUESTION = "\0"  # stands for the question in the student's prompt
PROMPT = "the student's prompt, as chat messages with `role` and `content`"


@dataclass(frozen=True, kw_only=True)
class Config:
    """A view of the dataset, registered under its name in the entry-point group `infogap.configs`.

    Recipes name it in `publish.configs`; users load it with `load_dataset(REPO, NAME)`.
    """

    name: str
    shows: str
    """A phrase for the card's table that describes its rows."""

    features: pl.Schema | Callable[[Run], pl.Schema]
    """Its columns as Polars types, published as `datasets.Features`, or a function that returns them for a run."""

    key: pl.Expr
    """The key of a row, which `infogap diff` and version checks use to match rows."""

    task: pl.Expr = field(default_factory=lambda: pl.col("task_id"))
    """The task of a row, which decides its split under `publish.splits`."""

    named_split: Callable[[pl.DataFrame, str], pl.DataFrame] = lambda rows, _split: rows
    """Takes rows and the name of their split; returns them with that name set, if they have a column for it."""

    rows: Callable[[Run, pl.DataFrame], Iterable[pl.DataFrame]]
    """Takes a run and the rows of one mix of its table `mix`; yields frames with these columns in a fixed order.

    A frame becomes a Parquet file; small ones are joined.
    """

    empty: str | Callable[[Run, pl.DataFrame], str] = "it has no rows"
    """Why there may be no rows, for the error message, or a function with the arguments of `rows` that finds out."""

    empty_by_design: Callable[[Run, MixSettings], str] = lambda _run, _mix: ""
    """Takes a run and the settings of a mix; returns why such a mix has no rows, or "" if it should have some.

    Of several mixes, one that has none by design lacks nothing as long as another has rows: it is noted.
    """

    without: Callable[[Run, pl.DataFrame, pl.Series], Mapping[str, int]] | None = None
    """Counts the tasks that have no row, by reason, if that is worth saying.

    Takes a run, the rows of one mix and the ids of the tasks that have rows.
    """

    meanings: Mapping[str, str] = field(default_factory=dict)
    """What each column means, in Markdown, where it is not a column of a run's table."""

    privileged: str = ""
    """What it publishes that the student must not see, if anything; shown to the user who publishes."""

    of_mix: bool = False
    """True if its rows depend on the mix; with several mixes it is published once for each."""

    as_asked: Callable[[Config, Run], Config] = lambda config, _run: config
    """Takes the config and a run; returns the config adapted to the settings in the run's recipe."""

    card: str = ""
    """Its paragraph in the card: Markdown with Jinja, which may use `card_values`, `density_unit` and `name`.

    With several mixes, configs whose paragraphs differ in nothing but `name` share one.
    """

    card_values: Callable[[Path], dict[str, Any]] = lambda _folder: {}
    """Takes the folder of its Parquet files; returns the values that the paragraph shows."""

    notes: Callable[[pl.DataFrame, int], list[str]] = lambda _traces, _rows: []
    """Takes the traces (`traces_in_short`) and the number of written rows; returns notes for the user."""

    def columns(self, run: Run) -> pl.Schema:
        """Return its columns in this run."""
        return self.features if isinstance(self.features, pl.Schema) else self.features(run)

    def prompts(self, run: Run) -> bool:
        """True if it shows the student's prompt: a column holds chat messages."""
        return any(map(is_messages, self.columns(run).values()))

    def answers(self, run: Run) -> bool:
        """True if it shows traces as chat messages: a column other than `prompt` holds them."""
        return any(is_messages(dtype) for name, dtype in self.columns(run).items() if name != "prompt")


OF_DERIVED = "the mix is of derived traces, and teachers wrote none of these"
"""Why a mix with `derived: [...]` has no rows made of what teachers wrote."""


def of_derived(_run: Run, mix: MixSettings) -> str:
    """Return why a mix of derived traces alone has no rows of a config that pairs what teachers wrote."""
    return "" if isinstance(mix.derived, str) else OF_DERIVED


def is_messages(dtype: Any) -> bool:
    """Return True for the type of chat messages, whatever fields they have after role and content."""
    fields = dtype.inner.fields if isinstance(dtype, pl.List) and isinstance(dtype.inner, pl.Struct) else []
    return [field.name for field in fields[:2]] == [*_MESSAGE]


def adapted(config: Config, base: Config, **changes: Any) -> Config:
    """Change fields of a config that are as in `base`.

    A config that another package makes of it with `dataclasses.replace` keeps what it has replaced.
    """
    return replace(config, **{name: new for name, new in changes.items() if _is_same(config, base, name)})


def _is_same(config: Config, base: Config, name: str) -> bool:
    return bool(getattr(config, name) is getattr(base, name))


def answer_messages(run: Run) -> pl.List:
    """Return the type of messages that include answers; with `thinking: field`, they have that field."""
    asked = run.recipe.publish
    own: dict[str, Any] = {asked.thinking_field: pl.String} if asked.thinking == "field" else {}
    return pl.List(pl.Struct({**_MESSAGE, **own}))


def columns(table: Table, *names: str) -> dict[str, Any]:
    """Return some of a table's columns with their types."""
    return {name: table.schema[name] for name in names}


def all_but(table: Table, *unwanted: str) -> dict[str, Any]:
    """Return a table's other columns with their types."""
    return {name: dtype for name, dtype in table.schema.items() if name not in unwanted}


def leaking(run: Run) -> list[str]:
    """Return the ids of the traces that leak, sorted."""
    return run.scan(MEASURES).filter("leak").select("trace_id").collect()["trace_id"].sort().to_list()


def with_tasks(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the task's columns to rows that have a `task_id`, keeping their order; null if there is no such task.

    The worked solution is left out: it can be longer than the rest, and no config shows it.
    """
    joined = _add(rows, scan_belonging(run, TASKS, rows).select(*all_but(TASKS, "solution")), "task_id")
    return joined.with_columns(public(joined, "source"))


def joined(run: Run, traces: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
    """Add the task's columns to traces, and those of the other tables that are wanted, keeping their order.

    They are null if a table has no row for a trace.
    """
    rows = with_tasks(run, traces)
    sides = [
        scan_belonging(run, STATED_VERDICTS, traces),
        scan_belonging(run, TRACE_TURNS, traces),
        scan_belonging(run, VERDICTS, traces),
        scan_belonging(run, DERIVATIONS, traces),
        scan_belonging(run, run.stored(MEASURES), traces),
        scan_belonging(run, DUPLICATES, traces),
        mix_by_trace(run, scan_belonging(run, MIX, traces)),
    ]
    for side in sides:
        columns = [name for name in side.collect_schema() if name in wanted and name != "trace_id"]
        if columns:
            rows = _add(rows, side.select("trace_id", *columns), "trace_id")
    return rows.with_columns(public(rows, "teacher"))


def _add(frame: pl.DataFrame, side: pl.LazyFrame, key: str) -> pl.DataFrame:
    return frame.join(side.collect(), on=key, how="left", maintain_order="left", validate="m:1")


def public(frame: pl.DataFrame, column: str) -> pl.Expr:
    """Return the expression that replaces the sources or teachers in a column by their published names."""
    labels = frame[column].drop_nulls().unique().to_list()
    return pl.col(column).replace({label: public_label(label) for label in labels})


def prompts(run: Run, tasks: pl.DataFrame, dtype: pl.List = MESSAGES) -> pl.Series:
    """Return the student's prompt for each row, which has a task's `question` and `metadata`.

    The prompt is what an unguided teacher sees, whatever the trace's own teacher saw: one user message, or all turns of
    a conversation. For imported traces it is only the question, as their instruction is unknown.
    """
    asked = pl.col("question")
    if run.recipe.generate is not None:
        from infogap.privileges.contexts import student_prompt

        before, after = student_prompt(_QUESTION, run.recipe.generate.instruction).split(_QUESTION, 1)
        asked = pl.concat_str(pl.lit(before), "question", pl.lit(after))
    others = [each for each in dtype.inner.fields if each.name not in _MESSAGE]  # type: ignore[union-attr]
    empty = [pl.lit(None, each.dtype).alias(each.name) for each in others]
    message = pl.struct(pl.lit("user").alias("role"), asked.alias("content"), *empty)
    single = tasks.select(prompt=pl.concat_list(message).cast(dtype))["prompt"]
    turns = tasks["metadata"].str.contains(f'"{TURNS}"', literal=True).fill_null(False)
    if not turns.any():
        return single
    known = pl.Series("prompt", [_turns(run, text) for text in tasks["metadata"]], dtype=dtype)
    return pl.select(prompt=pl.coalesce(known, single))["prompt"]


def _turns(run: Run, metadata: str | None) -> list[Turn] | None:
    """Return the prompt of a question that is a conversation; the recipe's instruction is in its last turn."""
    turns = turns_of(metadata)
    if turns is None or run.recipe.generate is None:
        return turns
    from infogap.privileges.prompt_messages import student_messages

    return student_messages({"metadata": metadata}, run.recipe.generate.instruction)


def responses(run: Run) -> pl.Expr:
    """Return the expression for the part after the thought, as published: no `<answer>` tags that nobody asked for.

    It needs the columns `response` and `question`.
    """
    asked = pl.col("question").str.contains("<answer>", literal=True)
    if run.recipe.generate is not None and "<answer>" in run.recipe.generate.instruction:
        asked = pl.lit(True)
    return pl.when(asked).then("response").otherwise(pl.col("response").str.replace_all(ANSWER_TAGS, "$1"))


def answers(run: Run) -> pl.Expr:
    """Return the expression for one assistant message per trace, of the type `answer_messages`.

    It needs the columns of traces and tasks. The thought comes first, in tags; with `publish.thinking: field` it has a
    field of its own, which is null without a thought; with `drop` it is left out. `<answer>` tags are removed unless
    the student's prompt asks for them.
    """
    return answer_of(run, pl.col("reasoning"), responses(run))


def answer_of(run: Run, reasoning: pl.Expr, response: pl.Expr) -> pl.Expr:
    """Return the expression for one assistant message of a thought, null or empty if there is none, and the rest."""
    thinks = (reasoning.str.len_bytes() > 0).fill_null(False)
    form = run.recipe.publish
    if form.thinking == "drop":
        return _answer(content=response)
    if form.thinking == "field":
        return _answer(content=response, **{form.thinking_field: pl.when(thinks).then(reasoning)})
    thought = pl.format(f"{OPENING}\n{{}}\n{CLOSING}\n\n{{}}", reasoning, response)
    return _answer(content=pl.when(thinks).then(thought).otherwise(response))


def _answer(**fields: pl.Expr) -> pl.Expr:
    return pl.concat_list(
        pl.struct(pl.lit("assistant").alias("role"), *(text.alias(name) for name, text in fields.items()))
    )
