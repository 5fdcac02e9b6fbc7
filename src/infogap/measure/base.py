"""What a measure is: an object that makes columns of the table `measures` from a frame of traces.

infogap's own measures and those of other packages are registered by entry points, in the group `infogap.measures`; a
recipe may also name an object as `module:object`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import polars as pl


class Measure(Protocol):
    """A measure of traces.

    `columns` are the columns that it makes, by name, with their Polars types: String, Int64, Float64, Float32, Boolean,
    or lists and structs of these. `version` is raised when the same traces get other values: they are then measured
    again.
    """

    @property
    def columns(self) -> Mapping[str, Any]: ...

    @property
    def version(self) -> int | str: ...

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of the measure for some traces, a row per row of `frame`, in its order.

        Called for some hundred traces at a time, in several processes. `frame` has a row per trace, with the columns:

        | column | type | meaning |
        | --- | --- | --- |
        | `trace_id`, `task_id`, `privilege`, `teacher` | String | as in the table `traces` |
        | `question`, `answer` | String | of the task; `answer` is the gold answer; null without one |
        | `context` | String | what the teacher saw besides the question; null without one, or if it is not known |
        | `reasoning`, `response` | String | as in `traces`; null if the request failed |
        | `text` | String | both, joined by a line break, or one of them; empty if the request failed |
        | `finish_reason`, `error` | String | as in `traces`; `error` is null unless the request failed |
        | `completion_tokens` | Int64 | tokens that the teacher wrote; null if not known |
        | `words`, `reasoning_words` | Int64 | of the text, and of its thinking part; a Chinese character is a word |
        | `fork_rate`, `gap`, `gap_per_token`, `surprisal` | Float64 | as in `measures`; null if not recorded |
        """
        ...
