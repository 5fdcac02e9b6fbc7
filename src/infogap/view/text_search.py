"""Search the texts of all traces, and the questions of their tasks, without holding them in memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES
from infogap.view.trace_index import TraceIndex

_REMEMBERED = 8  # searches whose results are kept, a byte per trace each
_SPECIAL = frozenset(r"\.+*?()|[]{}^$#&-~")


class TextSearch:
    """Finds the traces that hold a text, upper and lower case alike; the last results are remembered."""

    def __init__(self, run: Run, index: TraceIndex) -> None:
        self._run = run
        self._index = index
        self._results: OrderedDict[str, NDArray[np.bool_]] = OrderedDict()
        self._one_at_a_time = Lock()  # a search uses all cores

    def found(self, text: str) -> NDArray[np.bool_]:
        """Say of each trace, in the index's order, whether its reasoning, response, question or id holds the text."""
        with self._one_at_a_time:
            if text not in self._results:
                self._results[text] = self._search(text)
                if len(self._results) > _REMEMBERED:
                    self._results.popitem(last=False)
            self._results.move_to_end(text)
            return self._results[text]

    def _search(self, text: str) -> NDArray[np.bool_]:
        pattern = f"(?i){escaped(text)}"

        def holds(column: str) -> pl.Expr:
            return pl.col(column).str.contains(pattern).fill_null(value=False)

        places = (
            self._run.scan(TRACES)
            .with_row_index("place")
            .filter(holds("response") | holds("reasoning") | (pl.col("trace_id") == text))
            .select("place")
            .collect()["place"]
        )
        on_disk = np.zeros(self._index.height, np.bool_)
        on_disk[places.to_numpy()] = True
        tasks = (
            self._run.scan(TASKS).filter(holds("question") | (pl.col("task_id") == text)).select("task_id").collect()
        )
        of_task = self._index.tasks["task_id"].is_in(tasks["task_id"].implode()).to_numpy()
        known = np.append(of_task, False)  # a trace whose task is gone has the number after the last
        holds_text: NDArray[np.bool_] = on_disk[self._index.places] | known[self._index.task_numbers]
        return holds_text


def escaped(text: str) -> str:
    """Return a regular expression of Rust's crate that matches the text as it is."""
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)
