"""Sentences on verdicts that no gold answer gave: who gave them, and how far they agree with gold answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infogap.runs.run_folder import Run
from infogap.schema import VERDICTS


def who_decides(run: Run, label: Callable[[str], str] = str) -> list[str]:
    """Return what readers of a run's verdicts must know about them; none if gold answers gave them all.

    `label` makes a model's published name.
    """
    manifest = run.manifest(VERDICTS.name)
    return [f"Verdicts by {each}." for each in sentences(run, manifest.counts, label)] if manifest is not None else []


def sentences(run: Run, counts: dict[str, Any], label: Callable[[str], str] = str) -> list[str]:
    """Return the sentences for the counts of a verify stage."""
    lines = []
    if of_consensus := counts.get("consensus"):
        lines += [_consensus(of_consensus), *_consensus_and_gold(of_consensus)]
    if "judge" in counts and run.recipe.verify is not None and run.recipe.verify.judge is not None:
        judge = run.recipe.verify.judge
        seen = ", which sees the gold answer," if "gold" in judge.shows else ""
        lines.append(
            f"judge: `{label(judge.by.model)}`{seen} decides by the majority of {judge.votes} "
            f"vote{'' if judge.votes == 1 else 's'}; in all {_votes(counts['judge'])}"
        )
        lines += [_judge_and_gold(counts["judge_and_gold"])] if "judge_and_gold" in counts else []
    return lines


def _consensus(counts: dict[str, Any]) -> str:
    return (
        f"consensus: for {counts['agreed']:,} of {counts['tasks']:,} tasks enough unguided samples agree on an answer, "
        "by which their traces are graded"
    )


def _consensus_and_gold(counts: dict[str, Any]) -> list[str]:
    if not counts["compared"]:
        return ["consensus: no task has a gold answer to compare it with"]
    share = counts["same"] / counts["compared"]
    return [
        f"consensus: equal to the gold answer in {counts['same']:,} of the {counts['compared']:,} tasks that have one "
        f"({share:.1%}; 95 % interval {counts['low']:.1%} to {counts['high']:.1%})"
    ]


def _votes(counts: dict[str, Any]) -> str:
    names = {
        "right": "right",
        "wrong": "wrong",
        "unsure": "unsure",
        "unreadable": "unreadable",
        "refused": "refused by the servers",
        "failed": "failed",
        "read_loosely": "read from more than the JSON asked for",
        "without_schema": "of servers that take no schema",
    }
    return ", ".join(f"{counts[name]:,} {text}" for name, text in names.items() if counts.get(name)) or "none"


def _judge_and_gold(counts: dict[str, Any]) -> str:
    agree = counts["both"] + counts["neither"]
    traces = agree + counts["judge_alone"] + counts["gold_alone"]
    if not traces:
        return "judge: no trace has a verdict of the judge and one by its gold answer"
    text = f"judge: the same as by the gold answers on {agree:,} of {traces:,} traces ({agree / traces:.1%})"
    if "kappa" in counts:
        text += f", Cohen's kappa {counts['kappa']:.2f}"
    if "low" in counts:
        text += f" (95 % interval {counts['low']:.2f} to {counts['high']:.2f}, over {counts['tasks']:,} tasks)"
    alone = f"{counts['judge_alone']:,} are right to the judge alone, {counts['gold_alone']:,} by the gold answer alone"
    return f"{text}; {alone}"
