"""A small run with every table written."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infogap.ids import stable_id
from infogap.recipe import load_recipe
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, DUPLICATES, MEASURES, MIX, TASKS, TRACES, VERDICTS, Table

LEAK = {"kind": "mention", "rule": "mention", "start": 0, "end": 4, "evidence": "Wait"}
RECIPE = """
    name: sums
    seed: 7
    tasks:
      - from: /home/somebody/secret-folder/sums.jsonl
        columns: {solution: solution}
    teacher:
      backend: openai
      model: /models/Teacher-8B
      base_url: [http://gpu-node-17.internal:8000/v1]
      api_key_env: MY_PRIVATE_KEY
      sampling: {temperature: 0.6}
    generate:
      samples: 2
      privileges: [unguided, answer, solution]
      instruction: End with the answer in \\boxed{}.
    balance: {size: 10, verdict: {correct: 0.75, wrong: 0.25}}
    publish: {repo: org/sums, version: 0.1.0}
"""
IMPORT_RECIPE = """
    name: imported
    import:
      - from: traces.jsonl
        columns: {trace: text}
    publish: {repo: org/imported}
"""
SECRET = "Privileged words: add the tens, then the ones."  # of contexts and solutions, which are never published
Build = Callable[..., Run]


def build_run(folder: Path, recipe: str = RECIPE, reverse: bool = False, response: str = "So it is") -> Run:
    """Six tasks under three privileges, two traces each; one request failed, half of the others is selected.

    `reverse` writes the traces in the opposite order, as another run of the same recipe may.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "recipe.yaml"
    file.write_text(textwrap.dedent(recipe))
    run = Run.create(load_recipe(file), folder / "run")
    run.save_recipe()
    tasks = [_task(number) for number in range(6)]
    traces = [
        _trace(task, privilege, sample, response)
        for task in tasks
        for privilege in ("solution", "answer", "unguided")
        for sample in range(2)
    ]
    traces[0] |= {"response": "", "reasoning": "", "finish_reason": "error", "error": "gpu-node-17.internal refused"}
    answered = [trace for trace in traces if trace["error"] is None]
    ids = [str(trace["trace_id"]) for trace in answered]
    _write(run, TASKS, tasks)
    _write(run, TRACES, traces[::-1] if reverse else traces)
    _write(
        run, CONTEXTS, [_context(trace) for trace in traces if trace["context_id"] is not None and not trace["sample"]]
    )
    _write(run, VERDICTS, [_verdict(trace_id, index) for index, trace_id in enumerate(ids)])
    _write(run, MEASURES, [_measure(trace_id, index) for index, trace_id in enumerate(ids)])
    _write(run, DUPLICATES, [{"trace_id": ids[2], "duplicate_of": ids[0], "jaccard": 0.9, "how": "minhash"}])
    _write(run, MIX, [_place(trace_id, index) for index, trace_id in enumerate(ids)])
    return run


def _task(number: int) -> dict[str, Any]:
    return {
        "task_id": f"task{number}",
        "source": "/home/somebody/secret-folder/sums.jsonl",
        "family": "sums" if number % 2 else "tables | of sums",
        "difficulty": None if number == 3 else str(number),
        "question": f"What is {number} + 2?",
        "answer": str(number + 2),
        "solution": SECRET,
        "verifier": "math",
        "metadata": '{"file": "/home/somebody/secret-folder/sums.jsonl"}',
    }


def _trace(task: dict[str, Any], privilege: str, sample: int, response: str) -> dict[str, Any]:
    return {
        "trace_id": stable_id(task["task_id"], privilege, sample),
        "task_id": task["task_id"],
        "privilege": privilege,
        "context_id": None if privilege == "unguided" else stable_id(task["task_id"], privilege),
        "teacher": "/models/Teacher-8B",
        "sample": sample,
        "seed": sample,
        "round": 0,
        "reasoning": f"Wait, {task['question']} Let me check." if task["family"] == "sums" else "",
        "response": f"{response} \\boxed{{{task['answer']}}}{'.' * sample}",
        "finish_reason": "stop",
        "prompt_tokens": 20,
        "completion_tokens": 10 + sample,
        "error": None,
    }


def _context(trace: dict[str, Any]) -> dict[str, Any]:
    return {key: trace[key] for key in ("context_id", "task_id", "privilege")} | {"text": SECRET}


def _verdict(trace_id: str, index: int) -> dict[str, Any]:
    verdict = "wrong" if index % 4 == 0 else "correct"
    return {
        "trace_id": trace_id,
        "verdict": verdict,
        "extracted_answer": "5",
        "score": float(verdict == "correct"),
        "detail": None,
    }


def _measure(trace_id: str, index: int) -> dict[str, Any]:
    markers = [{"marker": "wait", "count": 1}] if index % 2 else []
    counts = {"epistemic_count": len(markers), "epistemic_density": 10.0 * len(markers), "markers": markers}
    return {
        "trace_id": trace_id,
        "words": 12,
        **counts,
        "density_per": "tokens",
        "band": "uncertain" if markers else "confident",
        "lexicons": [{"lexicon": "infogap", **counts}],
        "self_corrections": 0,
        "leak": index == 5,
        "leaks": [{"kind": "mention", "rule": "mention", "start": 0, "end": 4, "evidence": "Wait"}]
        if index == 5
        else [],
    }


def _place(trace_id: str, index: int) -> dict[str, Any]:
    selected = index % 2 == 0
    return {
        "mix": "mix",
        "trace_id": trace_id,
        "selected": selected,
        "stratum": f"verdict={'wrong' if index % 4 == 0 else 'correct'}",
        "reason": "selected" if selected else "over_quota",
    }


def _write(run: Run, table: Table, rows: list[dict[str, Any]]) -> None:
    with run.rewrite(table) as out:
        out.write(table.frame(rows))
    files = manifest.describe_files(run.path, run.part_paths(table))
    counts: dict[str, Any] = {
        "skipped": {"answer: no answer": 2},
        "failed": 0,
        "sources": [{"source": "/home/somebody/secret-folder/sums.jsonl", "merged": 3}],
        "shortfall": "see /home/somebody/secret-folder",
    }
    if table is MIX:
        of_verdicts = {
            "correct": {"target": 8, "achieved": 9, "available": 20},
            "wrong": {"target": 2, "achieved": 9, "available": 15},
        }
        losses = [{"reason": "over_quota", "detail": None, "traces": 18}]
        sizes = {"size": 18, "target_size": 10, "tasks": 6, "funnel": {"traces": 36, "selected": 18, "losses": losses}}
        counts["mixes"] = {"mix": sizes | {"axes": {"verdict": of_verdicts}}}
    manifest.write(
        run.manifest_path(table.name), manifest.Manifest(table.name, 1, f"{table.name}-print", {}, {}, 1, counts, files)
    )
