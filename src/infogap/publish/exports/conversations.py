"""Formats that many trainers share: messages, prompt and completion, alpaca, ShareGPT; and unsloth's variant."""

from __future__ import annotations

from infogap.publish.configs.recovery import RECOVERY
from infogap.publish.configs.sft import SFT
from infogap.publish.exports.base import RECOVERY_IDS, ExportFormat, Message, Row, ids, last_turn, recovery_messages

# ShareGPT's names of the roles.
_NAMES = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}
NO_FIELD = "it has no field for a thought"


def messages(row: Row) -> Row:
    """Return the conversation unchanged."""
    return {"messages": row["messages"]} | ids(row, "trace_id")


def prompt_completion(row: Row) -> Row:
    """Separate the answer from the messages before it."""
    return {"prompt": row["messages"][:-1], "completion": row["messages"][-1:]} | ids(row, "trace_id")


def alpaca(row: Row) -> Row:
    """Make an alpaca row, with earlier turns in LLaMA-Factory's `system` and `history` (pairs of question, answer)."""
    return alpaca_prompt(row["messages"][:-1], output=row["messages"][-1]["content"]) | ids(row, "trace_id")


def alpaca_prompt(prompt: list[Message], **answers: str) -> Row:
    """Make an alpaca row from a prompt and its answers, given by column name."""
    system, earlier, question = last_turn(prompt, "alpaca row")
    row: Row = {"instruction": question, "input": "", **answers}
    history = [list(each) for each in zip(earlier[::2], earlier[1::2], strict=True)]
    return row | ({"history": history} if history else {}) | ({"system": system} if system is not None else {})


def sharegpt(row: Row) -> Row:
    """Make a ShareGPT row."""
    return {"conversations": [sharegpt_turn(each) for each in row["messages"]]} | ids(row, "trace_id")


def sharegpt_turn(message: Message) -> Message:
    """Turn a message into a turn of a ShareGPT row."""
    return {"from": _NAMES[message["role"]], "value": message["content"]}


def _conversations(row: Row) -> Row:
    return {"conversations": row["messages"]} | ids(row, "trace_id")


def _weighted(row: Row) -> Row:
    return {"messages": recovery_messages(row, weight=(0, 1))} | ids(row, *RECOVERY_IDS)


MESSAGES = ExportFormat(
    name="messages",
    shows="conversations: `messages`, as most trainers read them",
    config=SFT,
    row=messages,
    calls_tools=True,
)
PROMPT_COMPLETION = ExportFormat(
    name="prompt-completion",
    shows="`prompt` and `completion`, both messages: the loss is only on the completion",
    config=SFT,
    row=prompt_completion,
)
ALPACA = ExportFormat(
    name="alpaca", shows="`instruction`, `input`, `output`", config=SFT, row=alpaca, no_field=NO_FIELD, renders=""
)
SHAREGPT = ExportFormat(
    name="sharegpt",
    shows="`conversations` of `from` and `value`",
    config=SFT,
    row=sharegpt,
    no_field=NO_FIELD,
    renders="",
)
MESSAGES_RECOVERY = ExportFormat(
    name="messages-recovery",
    shows="wrong and corrected attempts: `messages` with `weight`, 0 for the wrong answer, as fine-tuning APIs read it",
    config=RECOVERY,
    row=_weighted,
)
UNSLOTH = ExportFormat(
    name="unsloth",
    shows="unsloth, SFT: `conversations` of `role` and `content`, for the chat template of its tokenizer",
    config=SFT,
    row=_conversations,
    calls_tools=True,
)
