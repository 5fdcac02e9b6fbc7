"""Export the mix to a file, for trainers that do not load datasets themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.atomic_files import whole_file
from infogap.console import say
from infogap.errors import InputError, nearest
from infogap.publish.configs.sft import SFT
from infogap.publish.not_published import check_restored
from infogap.publish.privileged_text import PrivilegedText
from infogap.recipe.balance_section import THE_MIX
from infogap.runs.run_folder import Run
from infogap.schema import MIX

Row = dict[str, Any]
# ShareGPT's names of the roles.
_NAMES = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}


def _messages(messages: list[dict[str, str]]) -> Row:
    return {"messages": messages}


def _prompt_completion(messages: list[dict[str, str]]) -> Row:
    return {"prompt": messages[:-1], "completion": messages[-1:]}


def _alpaca(messages: list[dict[str, str]]) -> Row:
    """Make an alpaca row; earlier turns go to LLaMA-Factory's `system` and `history` (pairs of question, answer)."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    turns = messages if system is None else messages[1:]
    if [turn["role"] for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
        raise InputError("a conversation in which turns do not alternate is no alpaca row; export it as messages")
    texts = [turn["content"] for turn in turns]
    row: Row = {"instruction": texts[-2], "input": "", "output": texts[-1]}
    history = [list(pair) for pair in zip(texts[:-2:2], texts[1:-2:2], strict=True)]
    return row | ({"history": history} if history else {}) | ({"system": system} if system is not None else {})


def _sharegpt(messages: list[dict[str, str]]) -> Row:
    return {"conversations": [{"from": _NAMES[each["role"]], "value": each["content"]} for each in messages]}


FORMATS: dict[str, Callable[[list[dict[str, str]]], Row]] = {
    "messages": _messages,  # TRL, axolotl
    "prompt-completion": _prompt_completion,  # TRL: the loss on the completion alone
    "alpaca": _alpaca,  # LLaMA-Factory
    "sharegpt": _sharegpt,  # LLaMA-Factory, FastChat
}


def export(run: Run, file: Path, form: str, mix: str | None = None) -> int:
    """Write the mix, sorted by trace_id, as .jsonl or .parquet in one of FORMATS; return the number of rows.

    Raises InputError for another format or suffix, if the run has no mix, or if the mix shows what only teachers saw.
    An outdated mix is exported as it is, with a warning.
    """
    if form not in FORMATS:
        raise InputError(f"unknown format '{form}'{nearest(form, FORMATS)}; allowed: {', '.join(FORMATS)}")
    if file.suffix not in (".jsonl", ".parquet"):
        raise InputError(f"{file}: name a file that ends in .jsonl or .parquet")
    if run.manifest("mix") is None:
        raise InputError(f"{run.path} has no mix yet; first: infogap balance {run.path}")
    name = _mix_named(run, mix)
    _say_if_stale(run)
    check_restored(run, run.scan(MIX).filter(pl.col("mix") == name).collect(), [SFT.name])
    with whole_file(file) as temporary:
        write = _write_jsonl if file.suffix == ".jsonl" else _write_parquet
        return write(run, temporary, form, name)


def _mix_named(run: Run, name: str | None) -> str:
    """Return the name of the mix to export. Raises InputError where there are several and none is named."""
    names = run.scan(MIX).select(pl.col("mix").unique().sort()).collect()["mix"].to_list()
    if name is None and len(names) > 1:
        raise InputError(f"there are several mixes; name one with --mix: {', '.join(names)}")
    if name is not None and name not in names:
        raise InputError(f"there is no mix '{name}'{nearest(name, names)}; there are: {', '.join(names)}")
    return name or (names[0] if names else THE_MIX)


def _say_if_stale(run: Run) -> None:
    from infogap.runs.pipeline import Staleness, stages

    order = stages(run.recipe)
    balance = next(stage for stage in order if stage.name == "balance")
    try:
        why = Staleness(run, order).state(balance).why
    except InputError as error:  # such as a source that is gone: the mix is still there
        why = [str(error).splitlines()[0]]
    if why:
        say(f"the mix may not be what the recipe asks for ({why[0]}); see `infogap status {run.path}`", style="yellow")


def _rows(run: Run, form: str, mix: str) -> Iterator[list[Row]]:
    privileged = PrivilegedText(run)
    for rows in privileged.watch(SFT, SFT.rows(run, run.scan(MIX).filter(pl.col("mix") == mix).collect())):
        chosen = rows.select("messages", "trace_id")
        yield [FORMATS[form](messages) | {"trace_id": trace_id} for messages, trace_id in chosen.iter_rows()]
    privileged.refuse()
    for note in privileged.published_leaks().notes():
        say(note, style="yellow")


def _write_jsonl(run: Run, file: Path, form: str, mix: str) -> int:
    rows = 0
    with file.open("wb") as out:
        for slice_ in _rows(run, form, mix):
            out.writelines(orjson.dumps(row) + b"\n" for row in slice_)
            rows += len(slice_)
    return rows


def _write_parquet(run: Run, file: Path, form: str, mix: str) -> int:
    rows = [row for slice_ in _rows(run, form, mix) for row in slice_]
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(file, compression="zstd")
    return len(rows)
