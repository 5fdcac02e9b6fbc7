"""Formats of LLaMA-Factory: alpaca and ShareGPT files, with the entry of `dataset_info.json` that describes them.

LLaMA-Factory renders with its own templates (`template: qwen3`), and separates thoughts in `<think>` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson

from infogap.errors import InputError
from infogap.publish.configs.base import Config
from infogap.publish.configs.preference import PREFERENCE
from infogap.publish.configs.recovery import RECOVERY
from infogap.publish.configs.sft import SFT
from infogap.publish.exports.base import (
    PAIR_IDS,
    RECOVERY_IDS,
    SAME_TEXTS,
    UNLABELLED,
    Exported,
    ExportFormat,
    Row,
    ids,
    label,
    pair,
    recovery_messages,
)
from infogap.publish.exports.conversations import NO_FIELD, alpaca, alpaca_prompt, sharegpt, sharegpt_turn

INFO = "dataset_info.json"
# LLaMA-Factory's names for the roles of columns -> our column names. Once any is given, the others count as missing.
_ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}
_SIDES = {"chosen": "chosen", "rejected": "rejected"}


def _info(
    exported: Exported, columns: Mapping[str, str], formatting: str = "alpaca", ranking: bool = False
) -> dict[str, str]:
    """Return `dataset_info.json` with an entry for the file, named after its stem, added to the existing entries."""
    file = exported.file
    there = file.with_name(INFO)
    entries: Any
    try:
        entries = orjson.loads(there.read_bytes()) if there.exists() else {}
    except orjson.JSONDecodeError as error:
        raise InputError(f"{there} is not JSON ({error}); export to another folder, or fix it") from error
    if not isinstance(entries, dict):
        raise InputError(f"{there} is not a JSON object of datasets; export to another folder, or fix it")
    optional: dict[str, str] = {name: name for name in ("system", "history") if name in exported.columns}
    described: dict[str, Any] = {"file_name": file.name, "formatting": formatting} | (
        {"ranking": True} if ranking else {}
    )
    entries[file.stem] = described | {"columns": {**columns, **optional}}
    return {INFO: orjson.dumps(entries, option=orjson.OPT_INDENT_2).decode() + "\n"}


def _alpaca_pair(row: Row) -> Row | None:
    sides = pair(row)
    if sides is None:
        return None
    prompt, chosen, rejected = sides
    return alpaca_prompt(prompt, chosen=chosen["content"], rejected=rejected["content"]) | ids(row, *PAIR_IDS)


def _sharegpt_pair(row: Row) -> Row | None:
    sides = pair(row)
    if sides is None:
        return None
    prompt, *answers = sides
    turns = [sharegpt_turn(each) for each in prompt]
    return {"conversations": turns, **dict(zip(_SIDES, map(sharegpt_turn, answers), strict=True))} | ids(row, *PAIR_IDS)


def _labelled(row: Row) -> Row | None:
    desirable = label(row)
    return None if desirable is None else sharegpt(row) | {"kto_tag": desirable}


def _recovery(row: Row) -> Row:
    return {"conversations": [sharegpt_turn(each) for each in recovery_messages(row)]} | ids(row, *RECOVERY_IDS)


def _format(
    name: str,
    shows: str,
    row: Callable[[Row], Row | None],
    beside: Callable[[Exported], Mapping[str, str]],
    pairs: bool = False,
    labels: str = "",
    config: Config = SFT,
) -> ExportFormat:
    return ExportFormat(
        name=f"llamafactory-{name}",
        shows=f"LLaMA-Factory, {shows}",
        config=PREFERENCE if pairs else config,
        row=row,
        left_out=SAME_TEXTS if pairs else UNLABELLED,
        no_field=NO_FIELD,
        renders="",
        beside=beside,
        labels=labels,
    )


SFT_ALPACA = _format("alpaca", "SFT, alpaca: `instruction`, `output`", alpaca, partial(_info, columns=_ALPACA))
SFT_SHAREGPT = _format(
    "sharegpt",
    "SFT, sharegpt: `conversations`",
    sharegpt,
    partial(_info, columns={"messages": "conversations"}, formatting="sharegpt"),
)
RECOVERY_SHAREGPT = _format(
    "recovery",
    "SFT with `mask_history: true`, wrong and corrected attempts, sharegpt: `conversations`",
    _recovery,
    partial(_info, columns={"messages": "conversations"}, formatting="sharegpt"),
    config=RECOVERY,
)
DPO_ALPACA = _format(
    "alpaca-dpo",
    "DPO, alpaca: `instruction`, `chosen`, `rejected`",
    _alpaca_pair,
    partial(_info, columns={"prompt": "instruction", "query": "input", **_SIDES}, ranking=True),
    pairs=True,
)
DPO_SHAREGPT = _format(
    "sharegpt-dpo",
    "DPO, sharegpt: `conversations`, `chosen`, `rejected`",
    _sharegpt_pair,
    partial(_info, columns={"messages": "conversations", **_SIDES}, formatting="sharegpt", ranking=True),
    pairs=True,
)
KTO = _format(
    "kto",
    "KTO, sharegpt: `conversations`, `kto_tag`",
    _labelled,
    partial(_info, columns={"messages": "conversations", "kto_tag": "kto_tag"}, formatting="sharegpt"),
    labels="kto_tag",
)
