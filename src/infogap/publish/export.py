"""Export a mix, its preference pairs or its teachers' contexts to a file in a trainer's format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap import plugins
from infogap.atomic_files import whole_file, write_text
from infogap.console import say
from infogap.errors import InputError, ShortfallError, nearest
from infogap.publish.call_template_check import call_notes
from infogap.publish.configs.base import Config
from infogap.publish.configs.sft import answer_without_thought, answers_with_thoughts, traces_with_calls
from infogap.publish.exports.base import Exported, ExportFormat, Row
from infogap.publish.made_from import INPUTS
from infogap.publish.not_published import check_restored
from infogap.publish.parquet_shards import in_splits
from infogap.publish.privileged_text import PrivilegedText
from infogap.publish.splits import plan_splits
from infogap.publish.template_check import find_chat_template, null_field_notes, template_notes
from infogap.publish.turn_messages import has_calls
from infogap.recipe.balance_section import THE_MIX
from infogap.recipe.publish_section import Publish, ThinkingField, ThinkingForm
from infogap.runs.run_folder import Run
from infogap.schema import MIX

_WARNING = "yellow"


def export(
    run: Run,
    file: Path,
    form: str,
    mix: str | None = None,
    *,
    split: str | None = None,
    thinking: ThinkingForm | None = None,
    thinking_field: ThinkingField | None = None,
    tokenizer: str | None = None,
) -> int:
    """Write a mix in one of the registered formats, sorted by id, as .jsonl or .parquet; return the number of rows.

    A file holds one split, if the recipe has `publish.splits`: a trainer must not get tasks that are kept for a test.
    Other files that the trainer needs (`dataset_info.json`, part of a config) are written next to it. An outdated mix
    is exported with a warning; so is a mix whose thoughts the chat template of `tokenizer` drops.

    Args:
        run: The run.
        file: The file to write; its suffix decides the kind.
        form: The name of the format.
        mix: The name of the mix; required if the run has several.
        split: The name of the split; by default `train`, or the first one if none is called that.
        thinking: Where to put thoughts; by default as set in the recipe's `publish`.
        thinking_field: The name of the message field for `thinking: field`.
        tokenizer: A folder, or org/name in the local cache, whose chat template is tried; by default the recipe's.

    Raises:
        InputError: The format, mix or split does not exist; the format does not support this kind of file, these
            rows, or thoughts in a field of their own; a table is damaged; or the rows show what only teachers saw.
        ShortfallError: There are no rows, or all rows have the same label where the trainer needs both.
    """
    format_ = _format_named(form)
    if file.suffix not in format_.suffixes:
        raise InputError(f"{file}: name a file that ends in {' or '.join(format_.suffixes)} ({format_.shows})")
    if run.manifest("mix") is None:
        raise InputError(f"{run.path} has no mix yet; first: infogap balance {run.path}")
    name = _mix_named(run, mix)
    asked = _as_asked(run, format_, thinking, thinking_field)
    part = split_named(run, split)
    _check_tables(run)
    rows = _Rows(asked, format_, asked.scan(MIX).filter(pl.col("mix") == name).collect(), part)
    check_restored(run, rows.mix.lazy(), [rows.config.name])
    with whole_file(file) as temporary:
        _write(rows, temporary, file.suffix)
        rows.check()
        publish = asked.recipe.publish
        exported = Exported(file, tuple(rows.columns), publish.thinking, publish.thinking_field)
        beside = format_.beside(exported)
    for other, text in beside.items():
        write_text(file.with_name(other), text)
        say(f"wrote {file.with_name(other)}, which tells the trainer how to read the file")
    of_template = _template_notes(asked, rows, format_, tokenizer, in_parquet=file.suffix == ".parquet")
    for note in [*rows.notes(), *of_template]:
        say(note, style=_WARNING)
    return rows.written


def _format_named(name: str) -> ExportFormat:
    names = plugins.names("exports")
    if name not in names:
        raise InputError(f"unknown format '{name}'{nearest(name, names)}; allowed: {', '.join(names)}")
    format_: ExportFormat = plugins.load("exports", name)
    return format_


def _mix_named(run: Run, name: str | None) -> str:
    """Return the name of the mix to export.

    Raises InputError if there is no mix of this name, or several mixes and no name.
    """
    names = run.scan(MIX).select(pl.col("mix").unique().sort()).collect()["mix"].to_list()
    if name is None and len(names) > 1:
        raise InputError(f"there are several mixes; name one with --mix: {', '.join(names)}")
    if name is not None and name not in names:
        raise InputError(f"there is no mix '{name}'{nearest(name, names)}; there are: {', '.join(names)}")
    return name or (names[0] if names else THE_MIX)


def split_named(run: Run, name: str | None) -> str | None:
    """Return the name of the split to export; None if the recipe has no splits.

    Raises InputError if there is no split of this name.
    """
    names = list(run.recipe.publish.splits or ())
    if name is None:
        return "train" if "train" in names else next(iter(names), None)
    if not names:
        raise InputError(f"--split {name}: the recipe has no splits; set publish.splits, or leave --split out")
    if name not in names:
        raise InputError(f"there is no split '{name}'{nearest(name, names)}; there are: {', '.join(names)}")
    return name


def _as_asked(run: Run, format_: ExportFormat, form: ThinkingForm | None, name: ThinkingField | None) -> Run:
    """Return the run as if its recipe had these settings for thoughts."""
    publish = run.recipe.publish
    thinking = form or ("field" if name else publish.thinking)
    thinking_field = name or (publish.thinking_field if thinking == "field" else "reasoning_content")
    if name and thinking != "field":
        raise InputError(f"--thinking-field is only for `--thinking field`, not for `{thinking}`")
    if thinking == "field" and format_.no_field:
        raise InputError(
            f"{format_.name} does not support thoughts in a field of their own: {format_.no_field}; "
            "use --thinking inline or --thinking drop"
        )
    changed: Publish = publish.model_copy(update={"thinking": thinking, "thinking_field": thinking_field})
    return replace(run, recipe=run.recipe.model_copy(update={"publish": changed}))


def _check_tables(run: Run) -> None:
    """Say if the mix is out of date. Raises InputError if a table is not as it was written."""
    from infogap.runs.pipeline import stages
    from infogap.runs.staleness import Staleness

    order = stages(run.recipe)
    balance = next(stage for stage in order if stage.name == "balance")
    staleness = Staleness(run, order)
    if wrong := staleness.damaged(tuple(folder for folder in INPUTS if run.manifest(folder) is not None)):
        stage, why = wrong
        raise InputError(f"nothing is exported: {why}; first: infogap {stage.name} {run.path}")
    try:
        why_stale = staleness.state(balance).why
    except InputError as error:  # such as a missing source; the mix itself can still be exported
        why_stale = [str(error).splitlines()[0]]
    if why_stale:
        say(f"the mix may be out of date ({why_stale[0]}); see `infogap status {run.path}`", style=_WARNING)


@dataclass
class _Rows:
    """A trainer's rows, made slice by slice, with counts of those made so far."""

    run: Run
    format: ExportFormat
    mix: pl.DataFrame
    split: str | None = None
    written: int = 0
    left_out: int = 0
    labels: set[bool] = field(default_factory=set)
    columns: dict[str, None] = field(default_factory=dict)

    @property
    def config(self) -> Config:
        """The format's config, adapted to the recipe's settings."""
        return self.format.config.as_asked(self.format.config, self.run)

    @cached_property
    def _privileged(self) -> PrivilegedText:
        return PrivilegedText(self.run)

    def __iter__(self) -> Iterator[list[Row]]:
        """Yield the rows in slices, checked for privileged text unless the format declares that it holds some."""
        frames = self._of_split()
        for frame in frames if self.format.privileged else self._privileged.watch(self.config, frames):
            self._refuse_calls(frame)
            made = [self._row(row) for row in frame.iter_rows(named=True)]
            kept = [row for row in made if row is not None]
            self.left_out += len(made) - len(kept)
            self.written += len(kept)
            for row in kept:
                self.columns |= dict.fromkeys(row)
            if self.format.labels:
                self.labels |= {row[self.format.labels] for row in kept}
            yield kept

    def _row(self, row: Row) -> Row | None:
        """Make the trainer's row; the definitions of tools stay beside the messages."""
        made = self.format.row(_without_empty_fields(row))
        tools = row.get("tools")
        return made if made is None or tools is None else made | {"tools": tools}

    def _refuse_calls(self, frame: pl.DataFrame) -> None:
        """Raise InputError if rows call tools, and the format cannot hold that."""
        if self.format.calls_tools or not has_calls(frame.schema.get("messages")):
            return
        turns = pl.element().struct
        calls = (turns.field("role") == "tool") | turns.field("tool_calls").is_not_null()
        calling = frame.filter(pl.col("messages").list.eval(calls).list.any())
        if calling.height:
            raise InputError(
                f"{self.format.name} has no place for calls of tools, which some traces have (the first is "
                f"{calling['trace_id'][0]}); export as {', '.join(_formats_with_calls())}"
            )

    def _of_split(self) -> Iterable[pl.DataFrame]:
        rows = self.config.rows(self.run, self.mix)
        plan = plan_splits(self.run) if self.split is not None else None
        if plan is None or self.split is None:
            return rows
        return (frame for _, frame in in_splits(self.config, rows, plan.tasks, (self.split,)))

    def check(self) -> None:
        """Raise ShortfallError if a trainer could not use the file, InputError if it contains privileged text."""
        self._privileged.refuse()
        if not self.written:
            config = self.config
            why = config.empty if isinstance(config.empty, str) else config.empty(self.run, self.mix)
            if self.split is not None:
                why = f"the split `{self.split}` has no rows, or {why}"
            if self.left_out:
                why = f"{self.left_out:,} rows are left out: {self.format.left_out}"
            raise ShortfallError(
                f"nothing to export as {self.format.name}: {why}; see `infogap status {self.run.path}`"
            )
        if self.format.labels and len(self.labels) < 2:
            only, other = ("correct", "wrong") if True in self.labels else ("wrong", "correct")
            raise ShortfallError(
                f"{self.format.name} needs answers with both labels, but all {self.written:,} in the mix are {only}; "
                f"give {other} ones a share in `balance.verdict`"
            )

    def notes(self) -> list[str]:
        """Return notes for the user."""
        notes = [f"{self.left_out:,} rows left out: {self.format.left_out}"] if self.left_out else []
        others = [f"--split {name}" for name in self.run.recipe.publish.splits or () if name != self.split]
        if others:
            notes.append(
                f"only the split `{self.split}` of publish.splits; the others have files of their own: "
                f"{', '.join(others)}"
            )
        notes += [f"the file holds {self.format.privileged}"] if self.format.privileged else []
        return [*notes, *self._privileged.published_leaks().notes()]


def _formats_with_calls() -> list[str]:
    """Return the formats that can hold traces which call tools."""
    formats: list[ExportFormat] = [plugins.load("exports", name) for name in plugins.names("exports")]
    return [each.name for each in formats if each.calls_tools]


def _without_empty_fields(row: Row) -> Row:
    """Remove null fields from messages, such as the thought of a question."""
    return {name: _messages(value) if isinstance(value, list) else value for name, value in row.items()}


def _messages(value: list[Any]) -> list[Any]:
    return [
        {key: text for key, text in each.items() if text is not None} if isinstance(each, dict) else each
        for each in value
    ]


def _write(rows: _Rows, file: Path, suffix: str) -> None:
    writers: dict[str, Callable[[_Rows, Path], None]] = {".jsonl": _write_jsonl, ".parquet": _write_parquet}
    writers[suffix](rows, file)


def _write_jsonl(rows: _Rows, file: Path) -> None:
    with file.open("wb") as out:
        for slice_ in rows:
            out.writelines(orjson.dumps(row) + b"\n" for row in slice_)


def _write_parquet(rows: _Rows, file: Path) -> None:
    frame = pl.DataFrame([row for slice_ in rows for row in slice_], infer_schema_length=None)
    # A column with only nulls has no type, but other files of the same dataset may have text in it.
    typed = frame.cast({name: _typed(dtype) for name, dtype in frame.schema.items()})
    typed.write_parquet(file, compression="zstd")


def _typed(dtype: Any) -> Any:
    if isinstance(dtype, pl.List):
        return pl.List(_typed(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({each.name: _typed(each.dtype) for each in dtype.fields})
    return pl.String if dtype == pl.Null else dtype


def _template_notes(
    run: Run, rows: _Rows, format_: ExportFormat, tokenizer: str | None, *, in_parquet: bool
) -> list[str]:
    publish = run.recipe.publish
    name = tokenizer or publish.tokenizer
    if name is None:
        return []
    if not format_.renders:
        return [f"the trainer of {format_.name} has its own templates: the chat template of {name} was not tried"]
    render = find_chat_template(name, Path if tokenizer else run.resolve)
    selected, form = rows.mix.filter("selected"), (publish.thinking, publish.thinking_field)
    notes = template_notes(answers_with_thoughts(run, selected), name, render, form, format_.renders)
    notes += call_notes(traces_with_calls(run, selected), name, render) if format_.renders == "conversation" else []
    if in_parquet:
        unthought = answer_without_thought(run, selected)
        notes += null_field_notes(unthought, name, render, form, format_.renders)
    return notes
