"""Everything that the page of a task says of one trace, as JSON-able values."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from infogap.errors import InputError
from infogap.measure.lexicon import load
from infogap.privileges.ladder import privileges_by_label, solution_stands_for_context
from infogap.privileges.prompt_messages import teacher_messages
from infogap.rows.message_turns import transcript
from infogap.runs.run_folder import Run
from infogap.schema import (
    CONTAMINATION,
    CONTEXTS,
    DUPLICATES,
    GAPS,
    MEASURES,
    MIX,
    TASKS,
    TOKEN_GAPS,
    TRACE_TURNS,
    VERDICTS,
    Table,
)
from infogap.text.spoken_turns import read_turns
from infogap.text.text_batch import measured_text
from infogap.view.stored_rows import Rows
from infogap.view.text_marks import (
    MarkerMarks,
    answer_marks,
    contamination_marks,
    copied_marks,
    in_utf16,
    leak_marks,
    token_marks,
    utf16_places,
)
from infogap.view.trace_turns import shown_tools, shown_turns, turn_marks

_OF_TRACE = ("trace_id", "task_id", "privilege", "teacher", "sample", "round", "finish_reason", "error")
_OF_MEASURES = (
    *("words", "reasoning_words", "epistemic_count", "epistemic_density", "density_per", "band"),
    *("self_corrections", "answer_changes", "copied_share", "longest_copy"),
)
_OF_MIX = ("mix", "selected", "stratum", "reason")
_OF_MATCH = ("where", "eval_set", "eval_row", "ngrams", "share", "common", "matched", "question")
_OF_GAPS = ("scorer", "gap", "gap_per_token", "gap_share", "surprisal", "answer_confidence", "detail")


class TraceDetails:
    """Reads the details of traces; what all of them need is read once."""

    def __init__(self, run: Run, rows: Rows) -> None:
        self._run = run
        self._rows = rows
        self._notes: list[str] = []

    @cached_property
    def markers(self) -> MarkerMarks:
        """The markers of the recipe's lexicons; a lexicon whose file is gone is left out, which `notes` says."""
        lexicons = []
        for name in self._run.recipe.measure.lexicons:
            try:
                lexicons.append(load(name, self._run.resolve))
            except InputError as error:
                self._notes.append(f"markers of this lexicon are not shown: {error}")
        return MarkerMarks(lexicons)

    @property
    def notes(self) -> list[str]:
        """What cannot be shown of any trace, and why."""
        _ = self.markers
        return self._notes

    def task(self, task_id: str) -> dict[str, Any]:
        """Return what is known about a task, with its matches in evaluation sets."""
        task = self._task(task_id)
        question = task["question"] or ""
        matches = self._matches("question", task_id)
        return {
            **{name: task[name] for name in ("task_id", "source", "family", "difficulty", "answer", "verifier")},
            "question": question,
            "solution": task["solution"],
            "marks": in_utf16(question, contamination_marks(question, matches)),
            "contamination": matches,
        }

    def trace(self, trace_id: str, place: int) -> dict[str, Any]:
        """Return a trace with its text, marks, context, prompt, verdict, measures and fate."""
        trace = self._rows.trace(trace_id, place)
        task = self._task(trace["task_id"])
        question = task["question"] or ""
        text = "" if trace["error"] is not None else measured_text(trace["reasoning"], trace["response"])
        verdict = self._rows.beside(VERDICTS, trace_id, place) or {}
        measured = self._rows.beside(MEASURES, trace_id, place) or {}
        gaps = self._rows.beside(GAPS, trace_id, place)
        duplicate = self._first(DUPLICATES, trace_id)
        context = self._context(trace["context_id"])
        seen, source = self._seen(trace, task, context)
        matches = [*self._matches("trace", trace_id), *self._matches("context", trace["context_id"])]
        response_start = len(trace["reasoning"]) + 1 if trace["reasoning"] else 0
        calling = self._rows.beside(TRACE_TURNS, trace_id, place) if trace["error"] is None else None
        turns = None if calling is None else read_turns(calling["turns"])
        marks = [
            *(
                [*self.markers.of(text, question), *copied_marks(text, seen, question)]
                if turns is None
                else turn_marks(turns, text, question, self.markers, seen)
            ),
            *leak_marks(measured.get("leaks") or ()),
            *answer_marks(text, verdict.get("extracted_answer"), response_start),
            *contamination_marks(text, (match for match in matches if match["where"] == "trace")),
        ]
        return {
            **{name: trace[name] for name in _OF_TRACE},
            "tokens": trace["completion_tokens"],
            "prompt_tokens": trace["prompt_tokens"],
            "text": text,
            "reasoning_end": utf16_places(text)(len(trace["reasoning"])) if trace["reasoning"] and text else 0,
            "marks": in_utf16(text, sorted(mark for mark in marks if mark[0] < mark[1])),
            "turns": None if turns is None else shown_turns(turns, text),
            "tools": shown_tools(calling["tools"]) if calling is not None else [],
            "token_gaps": token_marks(trace, self._rows.beside(TOKEN_GAPS, trace_id, place)),
            "leak": measured.get("leak"),
            "context": seen,
            "context_source": source,
            "prompt": self._prompt(trace, task, context),
            "verdict": _part(verdict, ("verdict", "extracted_answer", "score", "detail")),
            "measures": _part(measured, _OF_MEASURES),
            "gaps": gaps and _part(gaps, _OF_GAPS),
            "mixes": [_part(row, _OF_MIX) for row in self._rows.of(MIX, "trace_id", trace_id)],
            "duplicate": duplicate and _part(duplicate, ("duplicate_of", "jaccard", "how")),
            "kept_for": sorted(row["trace_id"] for row in self._rows.of(DUPLICATES, "duplicate_of", trace_id)),
            "contamination": matches,
        }

    def _seen(self, trace: dict[str, Any], task: dict[str, Any], context: str | None) -> tuple[str | None, str]:
        """Return what only the teacher saw, as the scan for leaks takes it, and in words how it is known."""
        if context is not None:
            return context, "the context in the teacher's prompt"
        if trace["privilege"] in self._unguided:
            return None, "the teacher saw the student's prompt and nothing else"
        if trace["context_id"] is not None:
            return None, "the teacher saw a context that this run does not hold"
        if self._showing and task["solution"]:
            known = trace["privilege"] in self._showing
            return task["solution"], (
                "the task's worked solution, which this privilege shows"
                if known
                else "the task's worked solution, which the teacher may have seen: the file does not say"
            )
        return None, "what the teacher saw is not known: the imported file does not say"

    @cached_property
    def _unguided(self) -> set[str]:
        return {label for label, privilege in privileges_by_label(self._run.recipe).items() if privilege.is_unguided}

    @cached_property
    def _showing(self) -> set[str]:
        return set(solution_stands_for_context(self._run.recipe))

    def _prompt(self, trace: dict[str, Any], task: dict[str, Any], context: str | None) -> str | None:
        """Return the prompt as it was sent; None if it is not known."""
        generate = self._run.recipe.generate
        if generate is None or (context is None and trace["context_id"] is not None):
            return None
        return transcript(teacher_messages(task, context or "", generate.instruction, generate.wording))

    def _matches(self, where: str, id_: str | None) -> list[dict[str, Any]]:
        """Return a text's matches in evaluation sets, with the evaluation question."""
        rows = self._rows.of(CONTAMINATION, "id", id_) if id_ is not None else []
        rows = sorted(rows, key=lambda row: (-row["share"], row["eval_set"], row["eval_row"]))
        return [_part(row, _OF_MATCH) for row in rows if row["where"] == where]

    def _task(self, task_id: str) -> dict[str, Any]:
        """Return a task's row; a row of nulls if the run has no such task any more."""
        return self._first(TASKS, task_id) or dict.fromkeys(TASKS.schema) | {"task_id": task_id}

    def _context(self, context_id: str | None) -> str | None:
        row = self._first(CONTEXTS, context_id) if context_id is not None else None
        return row["text"] if row is not None else None

    def _first(self, table: Table, key: str) -> dict[str, Any] | None:
        rows = self._rows.of(table, table.key, key)
        return rows[0] if rows else None


def _part(row: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}
