"""Find what a dataset must not publish: passages of the teachers' contexts, and gold answers in prompts.

Before the dataset folder is put in place, every text of every config is compared with every context of the run. Configs
that declare what they publish of the contexts (`Config.privileged`) are exempt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import orjson
import polars as pl

from infogap.errors import InputError
from infogap.leaks.answer_patterns import CHOICE, answer_pattern, same_answer
from infogap.leaks.copying import shared_passages
from infogap.publish.configs.base import Config, is_messages, leaking
from infogap.publish.context_index import ContextIndex
from infogap.publish.known_tasks import KnownTasks
from infogap.publish.provenance import PublishedLeaks
from infogap.publish.shown_contexts import ShownContexts
from infogap.publish.turn_messages import ToolResults, has_calls
from infogap.runs.run_folder import Run
from infogap.text.stated_answers import stated

_SHOWN = 3  # rows that a message names
_OF_TRACES = ("trace_id", "chosen_trace_id", "rejected_trace_id", "wrong_id", "right_id")


@dataclass
class _Found:
    """The rows of a column that must not be published: their keys, and what was found in them."""

    rows: dict[str, None] = field(default_factory=dict)
    privileges: set[str] = field(default_factory=set)


class PrivilegedText:
    """The contexts of a run, and where the published rows looked at so far contain parts of them."""

    def __init__(self, run: Run) -> None:
        self._least = run.recipe.publish.shared_run
        self._leaks = frozenset(leaking(run))
        self._may_leak = run.recipe.publishes_leaking_text
        self._kept = any(mix.leak == "keep" for _, mix in run.recipe.balance.named_mixes())
        self._instruction = run.recipe.generate.instruction if run.recipe.generate is not None else ""
        self._tasks = KnownTasks.of(run)
        self._gold = self._tasks.answers_longer_than(2 * (self._least or 0))
        self._contexts, self._index = ShownContexts(run), None
        if self._least is not None:
            public = pl.concat([self._tasks.said(), pl.Series([self._instruction], dtype=pl.String)])
            self._index = ContextIndex.of(self._contexts.texts(), public, self._least)
        self._results = ToolResults(run)
        self._leaking: dict[str, set[str]] = {}  # by config, the leaking traces whose text it shows
        self._in_context: dict[tuple[str, str], _Found] = {}
        self._in_prompt: dict[tuple[str, str], _Found] = {}
        self._remainders: dict[tuple[str, str], dict[str, list[tuple[str, str]]]] = {}

    def watch(self, config: Config, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield a config's frames, checking each before it is written."""
        for frame in frames:
            if not config.privileged:
                self.look(config.name, frame, frame.select(key=config.key)["key"])
            yield frame

    def look(self, name: str, frame: pl.DataFrame, keys: pl.Series) -> None:
        """Check the rows of a config or a file; messages name them by their keys."""
        tasks, leaks = _tasks(frame), self._leaks_of(name, frame)
        for column, rows, texts in _leaves(frame):
            found = self._in_context.setdefault((name, column), _Found())
            for text, context in self._index.shared(texts) if self._index is not None else ():
                row, key = rows[text], str(keys[rows[text]])
                asked_for = leaks[row] and not column.startswith("prompt")
                if key not in found.rows and not asked_for:
                    about, privilege, shown = self._contexts.of(context)
                    public = [self._contexts.attempts_beside(context), self._results.of(frame, row)]
                    if self._escapes(texts[text], shown, about, tasks[row], public):
                        found.rows[key] = None
                        found.privileges.add(privilege)
        for column, of_rows, prompts in _prompts(frame):
            said = self._remainders.setdefault((name, column), {})
            questions = self._tasks.questions(tasks.gather(of_rows))
            plain = (prompts == questions) | (prompts == questions + "\n\n" + self._instruction)
            for place in (~plain.fill_null(False)).arg_true():
                row, task_id = of_rows[place], tasks[of_rows[place]]
                rest = (
                    self._beyond_the_question(task_id, prompts[place])
                    if self._tasks.answer(task_id) is not None
                    else ""
                )
                if task_id is not None and rest:
                    said.setdefault(rest, []).append((task_id, str(keys[row])))

    def refuse(self) -> None:
        """Raise InputError if anything was found, naming the rows, the columns and what to set."""
        self._find_answers()
        passages = [
            f"{_rows(name, column, found)} with {self._least} words or more in a row of what teachers were shown under "
            f"{', '.join(f'`{label}`' for label in sorted(found.privileges))}"
            for (name, column), found in self._in_context.items()
            if found.rows
        ]
        answers = [
            f"{_rows(name, column, found)} with the gold answer in the prompt, outside the question"
            for (name, column), found in self._in_prompt.items()
        ]
        hints = ["exclude the rows (`balance.where`) or remove their config from `publish.configs`"]
        if passages:
            hints.append("if they may be published, raise `publish.shared_run`, or set it to null to compare nothing")
        if answers:
            hints.append("a config meant to publish answers must declare it (`Config.privileged`)")
        if passages or answers:
            raise InputError(
                f"nothing was published, as it would include privileged text: {'; '.join(passages + answers)}. "
                f"To publish: {'; '.join(hints)}"
            )

    def published_leaks(self) -> PublishedLeaks:
        """Count the leaking traces whose text the configs show."""
        shown = {name: len(traces) for name, traces in self._leaking.items() if traces}
        distinct = set[str]().union(*self._leaking.values())
        return PublishedLeaks(len(distinct), shown, self._kept, self._least)

    def _leaks_of(self, name: str, frame: pl.DataFrame) -> list[bool]:
        """Record the leaking traces whose text the rows show; return for each row whether the recipe allows that."""
        columns = [each for each in _OF_TRACES if frame.schema.get(each) == pl.String]
        chats = any(is_messages(dtype) and each != "prompt" for each, dtype in frame.schema.items())
        shows_text = (frame["response"] != "").fill_null(False) if "response" in frame.columns else chats
        leak = pl.DataFrame({each: [trace_id in self._leaks for trace_id in frame[each]] for each in columns})
        leak = leak.select(pl.all() & shows_text)
        shown = self._leaking.setdefault(name, set())
        for leaks in leak.iter_columns():
            shown.update(frame[leaks.name].filter(leaks))
        if not columns or not self._may_leak:
            return [False] * frame.height
        return leak.select(pl.any_horizontal(pl.all())).to_series().to_list()

    def _escapes(self, text: str, shown: str, about: str, task_id: str | None, public: list[str]) -> bool:
        """Return True if a text contains a passage of a context, about a task, that is more than a gold answer.

        `public` is what is published beside it: attempts, and what the trace's tools returned, which the student sees.
        """
        assert self._least is not None
        if text in self._gold:  # a gold answer is published as such, however long it is
            return False
        public = [*self._tasks.turns(about), *self._tasks.turns(task_id), self._instruction, *public]
        return bool(shared_passages(text, shown, "\n".join(public), self._least))

    def _beyond_the_question(self, task_id: str | None, prompt: str) -> str:
        """Return what a prompt contains besides the question and the common instruction."""
        for public in (*self._tasks.turns(task_id), self._instruction):
            if public:
                prompt = prompt.replace(public, " ")
        return prompt.strip()

    def _find_answers(self) -> None:
        """Find gold answers in the parts of prompts beyond the question.

        A part that prompts of tasks with different answers share gives none of them away.
        """
        for place, said in self._remainders.items():
            for rest, rows in said.items():
                answers = {self._tasks.answer(task_id) or "" for task_id, _ in rows}
                if len(answers) == 1 and _gives(rest, answers.pop()):
                    self._in_prompt.setdefault(place, _Found()).rows.update(dict.fromkeys(key for _, key in rows))


def _gives(text: str, answer: str) -> bool:
    """Return True if a text contains an answer; the letter of a choice counts only if it is stated as the answer."""
    if CHOICE.fullmatch(answer.strip()):
        said = stated(text)
        return said is not None and same_answer(answer_pattern(answer) or re.compile(re.escape(answer)), said)
    pattern = answer_pattern(answer)
    return answer in text if pattern is None else pattern.search(text) is not None


def _tasks(frame: pl.DataFrame) -> pl.Series:
    """Return the task id of each row, or null if the row names no task."""
    if frame.schema.get("task_id") == pl.String:
        return frame["task_id"]
    extra = frame.schema.get("extra_info")
    if isinstance(extra, pl.Struct) and any(each.name == "task_id" for each in extra.fields):
        return frame["extra_info"].struct.field("task_id")
    return pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)


def _leaves(frame: pl.DataFrame) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    """Yield the name, row numbers and texts of every column of text, including those inside lists and structs."""
    rows = pl.Series("row", range(frame.height), dtype=pl.Int64)
    for column in frame.iter_columns():
        yield from _texts_of(column.name, rows, column)


def _texts_of(name: str, rows: pl.Series, values: pl.Series) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    if values.dtype == pl.String:
        there = values.is_not_null()
        yield name, rows.filter(there), _texts_in_json(values.filter(there))
    elif isinstance(values.dtype, pl.List):
        items = pl.DataFrame({"row": rows, "item": values}).explode("item")
        yield from _texts_of(name, items["row"], items["item"])
    elif isinstance(values.dtype, pl.Struct):
        for each in values.dtype.fields:
            yield from _texts_of(f"{name}.{each.name}", rows, values.struct.field(each.name))


def _prompts(frame: pl.DataFrame) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    """Yield the name, row numbers and texts of every prompt column: chat messages not by the assistant, or `prompt`."""
    for name, dtype in frame.schema.items():
        if is_messages(dtype):
            turns = frame.select(pl.int_range(pl.len()).alias("row"), turn=name).explode("turn").unnest("turn")
            # After the first turn of a trace, what is not the assistant's are results of tools, and replies to it.
            spoken = (pl.col("role") == "assistant").cum_sum().over("row") if has_calls(dtype) else pl.lit(0)
            turns = turns.filter((pl.col("role") != "assistant") & (spoken == 0)).drop_nulls("content")
            yield f"{name}.content", turns["row"], turns["content"]
        elif name == "prompt" and dtype == pl.String:
            texts = frame.select(pl.int_range(pl.len()).alias("row"), "prompt").drop_nulls("prompt")
            yield name, texts["row"], texts["prompt"]


def _texts_in_json(texts: pl.Series) -> pl.Series:
    """Replace each text that is JSON by the strings inside it, one per line."""
    if not texts.str.contains(r"^[{\[]").any():
        return texts
    return pl.Series(
        texts.name, [_in_json(text) if text[:1] in ("{", "[") else text for text in texts], dtype=pl.String
    )


def _in_json(text: str) -> str:
    """Return the strings in a text that is JSON, and in those of them that are, such as the arguments of a call."""
    try:
        return "\n".join(_strings(orjson.loads(text)))
    except orjson.JSONDecodeError:
        return text


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield _in_json(value) if value[:1] in ("{", "[") else value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _rows(name: str, column: str, found: _Found) -> str:
    keys = list(found.rows)
    more = f" and {len(keys) - _SHOWN:,} more" if len(keys) > _SHOWN else ""
    rows = f"{len(keys):,} row{'' if len(keys) == 1 else 's'}"
    return f"{rows} of `{name}` ({column}: {', '.join(keys[:_SHOWN])}{more})"
