"""Formats of axolotl: conversations, preference pairs and labelled answers, each with the config that loads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

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
    last_turn,
    pair,
)
from infogap.publish.exports.conversations import messages
from infogap.recipe import yaml_text

# axolotl's names for the template's variable and for the message's key of a thought; both default to reasoning_content.
_THINKING_KEYS = ("template_thinking_key", "field_thinking")


def _config(
    exported: Exported, type_: str, rl: str = "", of_dataset: Mapping[str, Any] | None = None, **more: Any
) -> Mapping[str, str]:
    """Return the part of an axolotl config that loads the file, as the text of FILE.axolotl.yaml."""
    dataset: dict[str, Any] = {
        "path": str(exported.file),
        "ds_type": "json" if exported.file.suffix == ".jsonl" else "parquet",
        "split": "train",
        "type": type_,
        **(of_dataset or {}),
    }
    if exported.thinking == "field" and exported.thinking_field != "reasoning_content":
        dataset |= dict.fromkeys(_THINKING_KEYS, exported.thinking_field)
    settings = ({"rl": rl} if rl else {}) | more | {"datasets": [dataset]}
    return {f"{exported.file.name}.axolotl.yaml": yaml_text(settings)}


def _preference(row: Row) -> Row | None:
    sides = pair(row)
    if sides is None:
        return None
    prompt, chosen, rejected = sides
    return {"messages": prompt, "chosen": chosen, "rejected": rejected} | ids(row, *PAIR_IDS)


def _labelled(row: Row) -> Row | None:
    desirable = label(row)
    if desirable is None:
        return None
    *prompt, answer = row["messages"]
    system, earlier, question = last_turn(prompt, "row of axolotl's KTO")
    if earlier:
        from infogap.errors import InputError

        raise InputError("axolotl's KTO takes one question and one answer; exclude longer conversations from the mix")
    of_system = {} if system is None else {"system": system}
    return {"prompt": question, "completion": answer["content"], "label": desirable, **of_system} | ids(row, "trace_id")


def _recovery(row: Row) -> Row:
    """Say of every message whether it is trained on: of those without a word, the role decides."""
    asked = [each | {"train": False} for each in row["prompt"]]
    answered = [each | {"train": True} for each in row["completion"]]
    return {"messages": [*asked, *answered]} | ids(row, *RECOVERY_IDS)


def _beside(type_: str, rl: str = "", **more: Any) -> Callable[[Exported], Mapping[str, str]]:
    return partial(_config, type_=type_, rl=rl, **more)


AXOLOTL_SFT = ExportFormat(
    name="axolotl",
    shows="axolotl, SFT: `messages`, type `chat_template`",
    config=SFT,
    calls_tools=True,
    row=messages,
    beside=_beside("chat_template"),
)
AXOLOTL_RECOVERY = ExportFormat(
    name="axolotl-recovery",
    shows="axolotl, wrong and corrected attempts: `messages` with `train`, false for the wrong answer",
    config=RECOVERY,
    row=_recovery,
    beside=_beside("chat_template", of_dataset={"roles_to_train": [], "message_field_training": "train"}),
)
AXOLOTL_DPO = ExportFormat(
    name="axolotl-dpo",
    shows="axolotl, DPO: `messages`, `chosen`, `rejected`, type `chat_template.default`",
    config=PREFERENCE,
    row=_preference,
    left_out=SAME_TEXTS,
    no_field="axolotl's DPO reads only role and content of a message",
    beside=_beside("chat_template.default", "dpo"),
)
AXOLOTL_KTO = ExportFormat(
    name="axolotl-kto",
    shows="axolotl, KTO: `prompt`, `completion`, `label`, as texts, type `chatml.ultra`",
    config=SFT,
    row=_labelled,
    left_out=UNLABELLED,
    no_field="axolotl's KTO reads plain texts",
    renders="",
    labels="label",
    beside=_beside("chatml.ultra", "kto", remove_unused_columns=False),
)
