"""The messages that a teacher reads: the earlier turns of the question, if it is a conversation, and the prompt.

A privilege is shown in the last turn of the user; the turns before it are those that the student sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infogap.privileges.contexts import student_prompt, teacher_prompt
from infogap.rows.message_turns import Turn, turns_of


def last_question(task: Mapping[str, Any]) -> str:
    """Return what a prompt asks last: the last turn of a question that is a conversation, else the question."""
    turns = turns_of(task.get("metadata"))
    return turns[-1]["content"] if turns else str(task["question"])


def messages_of(task: Mapping[str, Any], prompt: str) -> list[Turn]:
    """Return a prompt as messages, after the earlier turns of the task's question."""
    turns = turns_of(task.get("metadata")) or []
    return [*turns[:-1], {"role": "user", "content": prompt}]


def teacher_messages(task: Mapping[str, Any], context: str, instruction: str, wording: str) -> list[Turn]:
    """Return the messages that a teacher reads for a task (a row of the tasks table) with a context."""
    return messages_of(task, teacher_prompt(last_question(task), context, instruction, wording))


def student_messages(task: Mapping[str, Any], instruction: str) -> list[Turn]:
    """Return the messages that the student reads."""
    return messages_of(task, student_prompt(last_question(task), instruction))
