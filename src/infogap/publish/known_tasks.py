"""Look up what is public of a run's tasks: their questions, turns and gold answers."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from infogap.rows.message_turns import TURNS, turns_of
from infogap.runs.run_folder import Run
from infogap.schema import TASKS


@dataclass(frozen=True)
class KnownTasks:
    """What is public of the tasks: a row per task, sorted by `task_id`, with `question`, `answer`, `metadata`.

    Only the metadata of conversations is kept.
    """

    rows: pl.DataFrame

    @classmethod
    def of(cls, run: Run) -> KnownTasks:
        spoken = pl.col("metadata").str.contains(f'"{TURNS}"', literal=True)
        tasks = run.scan(TASKS).select("task_id", "question", "answer", metadata=pl.when(spoken).then("metadata"))
        return cls(tasks.collect().sort("task_id"))

    def said(self) -> pl.Series:
        """Return the questions, and the turns of those that are conversations."""
        turns = [turn["content"] for text in self.rows["metadata"].drop_nulls() for turn in turns_of(text) or []]
        return pl.concat([self.rows["question"].drop_nulls(), pl.Series("question", turns, dtype=pl.String)])

    def questions(self, task_ids: pl.Series) -> pl.Series:
        """Return the question of each task; null if there is no such task."""
        ids = self.rows["task_id"]
        if ids.is_empty():
            return pl.Series([None], dtype=pl.String).new_from_index(0, len(task_ids))
        places = ids.search_sorted(task_ids.fill_null("")).clip(0, len(ids) - 1)
        known = pl.DataFrame(
            {"wanted": task_ids, "id": ids.gather(places), "question": self.rows["question"].gather(places)}
        )
        return known.select(pl.when(pl.col("wanted") == pl.col("id")).then("question").alias("question")).to_series()

    def turns(self, task_id: str | None) -> list[str]:
        """Return a task's question, and its turns if it is a conversation; none without such a task."""
        place = self._place(task_id)
        if place is None:
            return []
        question, metadata = self.rows.select("question", "metadata").row(place)
        return [question, *(turn["content"] for turn in turns_of(metadata) or [])]

    def answer(self, task_id: str | None) -> str | None:
        place = self._place(task_id)
        return None if place is None else self.rows["answer"][place]

    def answers_longer_than(self, size: int) -> set[str]:
        """Return the answers of at least so many bytes."""
        return set(self.rows["answer"].filter(self.rows["answer"].str.len_bytes() >= size))

    def _place(self, task_id: str | None) -> int | None:
        ids = self.rows["task_id"]
        place = len(ids) if task_id is None else int(ids.search_sorted(task_id))
        return place if place < len(ids) and ids[place] == task_id else None
