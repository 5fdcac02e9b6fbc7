"""Formats of TRL, as in its page "Dataset formats and types", and the columns of its self-distillation trainers."""

from __future__ import annotations

from infogap.publish.configs.preference import PREFERENCE
from infogap.publish.configs.privileged import PRIVILEGED
from infogap.publish.configs.recovery import RECOVERY
from infogap.publish.configs.sft import SFT
from infogap.publish.exports.base import (
    PAIR_IDS,
    RECOVERY_IDS,
    SAME_TEXTS,
    UNLABELLED,
    ExportFormat,
    Row,
    ids,
    label,
    pair,
)
from infogap.publish.exports.conversations import messages, prompt_completion


def _preference(row: Row) -> Row | None:
    sides = pair(row)
    if sides is None:
        return None
    prompt, chosen, rejected = sides
    return {"prompt": prompt, "chosen": [chosen], "rejected": [rejected]} | ids(row, *PAIR_IDS)


def _unpaired(row: Row) -> Row | None:
    desirable = label(row)
    return None if desirable is None else prompt_completion(row) | {"label": desirable} | ids(row, "trace_id")


def _recovery(row: Row) -> Row:
    return {"prompt": row["prompt"], "completion": row["completion"]} | ids(row, *RECOVERY_IDS)


def _privileged(row: Row) -> Row:
    return {"prompt": row["prompt"], "privileged_context": row["privileged_context"]} | ids(row, "context_id")


SFT_MESSAGES = ExportFormat(
    name="trl-sft",
    shows="TRL's SFTTrainer, language modeling: `messages`",
    config=SFT,
    row=messages,
    calls_tools=True,
)
SFT_COMPLETION = ExportFormat(
    name="trl-sft-completion",
    shows="TRL's SFTTrainer, prompt-completion: `prompt`, `completion`; the loss is on the completion",
    config=SFT,
    row=prompt_completion,
)
SFT_RECOVERY = ExportFormat(
    name="trl-recovery",
    shows="TRL's SFTTrainer, wrong and corrected attempts: `prompt`, `completion`; the loss is on the corrected one",
    config=RECOVERY,
    row=_recovery,
)
DPO = ExportFormat(
    name="trl-dpo",
    shows="TRL's DPOTrainer, preference: `prompt`, `chosen`, `rejected`",
    config=PREFERENCE,
    row=_preference,
    left_out=SAME_TEXTS,
)
KTO = ExportFormat(
    name="trl-kto",
    shows="TRL's KTOTrainer, unpaired preference: `prompt`, `completion`, `label` (true: a correct answer)",
    config=SFT,
    row=_unpaired,
    left_out=UNLABELLED,
    labels="label",
)
SDFT = ExportFormat(
    name="trl-sdft",
    shows="TRL's SDFTTrainer and SDPOTrainer: `prompt`, `privileged_context`",
    config=PRIVILEGED,
    row=_privileged,
    privileged=PRIVILEGED.privileged,
)
