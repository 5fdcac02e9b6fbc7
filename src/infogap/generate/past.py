"""What earlier rounds of a run made: verdicts in memory, texts fetched where they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import polars as pl

from infogap.generate.cells import Made
from infogap.generate.parts import part_number
from infogap.privilege.render import Shown
from infogap.run import Run, read_part
from infogap.schema import TRACES
from infogap.verify.judged import read_judged

_NARROW = ("trace_id", "task_id", "privilege", "context_id", "sample", "round")


class Past:
    """The traces of the rounds before `before` (None: of all rounds), by task and privilege."""

    def __init__(self, run: Run, before: int | None = None) -> None:
        self._paths = {part_number(path): path for path in run.part_paths(TRACES)} if before != 0 else {}
        narrow = [
            pl.read_parquet(path, columns=list(_NARROW)).with_columns(part=pl.lit(number, pl.Int64))
            for number, path in self._paths.items()
        ]
        schema = pl.Schema({name: TRACES.schema[name] for name in _NARROW} | {"part": pl.Int64()})
        traces = pl.concat([pl.DataFrame(schema=schema), *narrow])
        if before is not None:
            traces = traces.filter(pl.col("round") < before)
        verdicts = read_judged(run).select("trace_id", "verdict")
        self._table = traces.join(verdicts, on="trace_id", how="left").sort("task_id", "privilege", "sample", "round")
        runs = self._table["task_id"].rle().struct.unnest()
        starts = runs["len"].cum_sum() - runs["len"]
        self._places = dict(zip(runs["value"], zip(starts, runs["len"], strict=True), strict=True))

    def of(self, task_id: str) -> dict[str, list[Made]]:
        """A task's traces by privilege, as the recipe calls it; ordered by sample and round."""
        start, length = self._places.get(task_id, (0, 0))
        found: dict[str, list[Made]] = {}
        for row in self._table[start : start + length].iter_rows(named=True):
            made = Made(
                row["trace_id"], row["context_id"], row["sample"], row["round"], row["verdict"] or "", row["part"]
            )
            found.setdefault(row["privilege"], []).append(made)
        return found

    def texts(self, traces: Iterable[Made]) -> dict[str, Shown]:
        """The texts of traces, by trace_id. Reads only the parts that hold them."""
        texts: dict[str, Shown] = {}
        wanted = sorted({(made.part, made.trace_id, made.verdict) for made in traces})
        for part, of_part in groupby(wanted, key=lambda each: each[0]):
            verdicts = {trace_id: verdict for _, trace_id, verdict in of_part}
            rows = read_part(self._paths[part], TRACES).filter(pl.col("trace_id").is_in(list(verdicts)))
            for row in rows.select("trace_id", "reasoning", "response").iter_rows(named=True):
                right = verdicts[row["trace_id"]] == "correct"
                texts[row["trace_id"]] = Shown(row["reasoning"], row["response"], right)
        return texts
