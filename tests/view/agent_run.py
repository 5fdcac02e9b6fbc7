"""A run with an agent's trace of thirty turns to look at, beside one of two turns, and hostile results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imports.agent_rows import Message, call, said
from infogap.api.run import Run as RunWithRecipe
from infogap.runs.run_folder import Run
from view.viewed_run import HOSTILE, make_stages

TURNS = 30
QUESTION = "The test `test_totals` of the shop fails. Find the cause and fix it. What is the right total of order 17?"
SYSTEM = "You are a careful engineer."
SECRET = "Open totals.py and replace the integer division in line 12 by a true one so that cents are kept"
TOOLS = [
    {"type": "function", "function": {"name": name, "description": what, "parameters": {"type": "object"}}}
    for name, what in (("read_file", "Read a file."), ("search", "Search all files."), ("edit_file", "Edit a file."))
]
LISTING = "\n".join(f"{number:3d}  total += lines[{number}].price // 100" for number in range(1, 61))
EDIT = "def total(lines):\n    cents = sum(line.price for line in lines)\n    return cents / 100\n"


def agent_turns() -> list[Message]:
    """Thirty turns of the assistant, with thoughts, calls of three tools, short and long results, and an answer."""
    messages = [said("system", SYSTEM), said("user", QUESTION)]
    for number in range(1, TURNS):
        kind = number % 3
        arguments: dict[str, Any] = (
            {"path": f"shop/totals_{number}.py", "lines": [1, 60]},
            {"query": f"order {number}", "limit": 10, "options": {"case": False, "in": ["shop", "tests"]}},
            {"path": "shop/totals.py", "text": EDIT},
        )[kind]
        text = "" if number % 4 == 0 else f"Step {number}: let me look at this more closely."
        thought = {"reasoning_content": f"Hmm, perhaps file {number} is the cause. Wait, let me check it."}
        messages.append(
            said(
                "assistant",
                text,
                tool_calls=[call(("read_file", "search", "edit_file")[kind], arguments, f"c{number}")],
                **(thought if number % 2 else {}),
            )
        )
        result = (LISTING, f"{number} matches", f"edited {number}")[kind]
        if number in (4, 7, 10, 13):
            result = HOSTILE[(4, 7, 10, 13).index(number)]
        messages.append(said("tool", result, tool_call_id=f"c{number}"))
        if number == 15:
            messages.append(said("user", "Please hurry."))
    return [*messages, said("assistant", "The division drops the cents. The total of order 17 is \\boxed{42}.")]


def leaking_turns() -> list[Message]:
    first = call("edit_file", {"path": "shop/totals.py", "text": EDIT}, "c1")
    return [
        said("system", SYSTEM),
        said("user", QUESTION),
        said("assistant", f"{SECRET}.", tool_calls=[first]),
        said("tool", "edited", tool_call_id="c1"),
        said("assistant", "As the provided solution says, the total is \\boxed{42}."),
    ]


def make_agent_run(folder: Path) -> Run:
    """Make the run in `folder/run`, all stages up to `balance`."""
    rows = [
        {"messages": messages, "tools": TOOLS, "answer": "42", "context": context, "privilege": privilege}
        for messages, context, privilege in (
            (agent_turns(), None, "unguided"),
            (leaking_turns(), SECRET, "solution"),
        )
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "recipe.yaml").write_text(
        "name: agents\nseed: 3\nimport:\n  - from: rows.jsonl\n    columns:\n      question: messages\n"
        "      trace: messages\n      tools: tools\n      context: context\n      privilege: privilege\n"
        "    verifier: numeric\nbalance: {leak: drop}\n"
    )
    run = RunWithRecipe.create(folder / "recipe.yaml", folder / "run")
    make_stages(run)
    return run.folder
