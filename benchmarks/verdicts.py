"""How often verdicts are right, on files in which that is known; and kim2026's counts against a plain count.

    python benchmarks/verdicts.py --math500 math500.parquet --eval eval_base.jsonl eval_limo.jsonl

Of MATH-500 (columns as verl has them, `extra_info` and `reward_model`), each row's reference solution must be correct
for its own gold answer, and wrong for those of other rows. An eval file has `question`, `gold_answer`,
`generated_responses` and, by its authors' grader, `generated_answers` and `answers_correctness`: infogap must agree in
97 of 100. Every row passes through the stages tasks, import, verify and measure. Ends with 1 where one of this fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_one
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES, VERDICTS

OTHERS = 10  # gold answers of other rows that each solution is graded against
AGREEMENT = 0.97
WORDS = ("wait", "hmm", "perhaps", "maybe", "actually", "alternatively", "seems", "might", "likely", "check")
RECIPE = """
name: verdicts
import:
  - from: rows.jsonl
    columns: {question: question, answer: gold, trace: text, privilege: id}  # by which a row is found again
    invalid: error
measure: {lexicons: [kim2026]}
"""
Row = dict[str, Any]


def graded(rows: list[Row]) -> tuple[dict[str, Row], float]:
    """Verdict and measures of every row (id, question, gold, text) by its id, and the seconds that verify took."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "recipe.yaml").write_text(RECIPE)
        Path(folder, "rows.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
        run = Run.create(load_recipe(Path(folder, "recipe.yaml")), Path(folder, "run"))
        run.save_recipe()
        seconds = {}
        for stage in ("tasks", "import", "verify", "measure"):
            started = time.perf_counter()
            run_one(run, stage)
            seconds[stage] = time.perf_counter() - started
        traces = pl.concat(run.parts(TRACES)).select("trace_id", id="privilege")
        verdicts, measures = pl.concat(run.parts(VERDICTS)), pl.concat(run.parts(MEASURES))
        found = traces.join(verdicts, on="trace_id").join(measures, on="trace_id")
    assert sorted(found["id"]) == sorted(row["id"] for row in rows)
    return {row["id"]: row for row in found.to_dicts()}, seconds["verify"]


def counts_differ(rows: list[Row], found: dict[str, Row]) -> int:
    """The rows in which kim2026's count is not that of the ten words in the lower-cased text; printed."""
    differing = 0
    for row in rows:
        plain = sum(row["text"].lower().count(word) for word in WORDS)
        counted = found[row["id"]]["epistemic_count"]
        if counted != plain:
            differing += 1
            print(f"  {row['id']}: kim2026 counts {counted}, a plain count {plain}")
    return differing


def math500(file: Path) -> bool:
    tasks = []
    for row in pl.read_parquet(file).to_dicts():
        info, reward = (_read(row[column]) for column in ("extra_info", "reward_model"))
        tasks.append((info["raw_problem"], str(reward["ground_truth"]), info["solution"]))
    rows = [
        {"id": f"{index} {other}", "question": question, "gold": gold, "text": tasks[(index + other) % len(tasks)][2]}
        for index, (question, gold, _) in enumerate(tasks)
        for other in range(OTHERS + 1)
    ]
    found, seconds = graded(rows)
    own = [row for row in rows if row["id"].endswith(" 0")]
    missed = [row for row in own if found[row["id"]]["verdict"] != "correct"]
    others = [row for row in rows if not row["id"].endswith(" 0")]
    taken = [row for row in others if found[row["id"]]["verdict"] == "correct"]
    unsure = [row for row in others if found[row["id"]]["verdict"] not in ("correct", "wrong")]
    print(f"{file.name}: {len(rows):,} graded in {seconds:.1f} s")
    print(f"  own solution correct: {len(own) - len(missed)} of {len(own)}")
    for row in missed:
        print(f"    {row['id']}: gold {row['gold']!r}, {_said(found[row['id']])}")
    print(f"  other rows' solutions: {len(others) - len(taken) - len(unsure):,} of {len(others):,} wrong")
    alike = [row for row in taken if found[row["id"]]["extracted_answer"].strip() == row["gold"].strip()]
    print(f"    {len(alike)} correct, for both rows have the same answer, letter for letter")
    for row in [*(row for row in taken if row not in alike), *unsure]:
        print(f"    {row['id']}: gold {row['gold']!r}, {_said(found[row['id']])}")
    return not missed and not unsure


def evaluation(file: Path) -> bool:
    rows = []
    for line in file.read_bytes().splitlines():
        read = orjson.loads(line)
        for index, text in enumerate(_read(read["generated_responses"])):
            answers, right = _read(read["generated_answers"]), _read(read["answers_correctness"])
            row = {"id": f"{read['id']} {index}", "question": read["question"], "gold": str(read["gold_answer"])}
            rows.append(row | {"text": text, "answer": answers[index], "right": right[index]})
    found, seconds = graded(rows)
    differing = [row for row in rows if row["right"] != (found[row["id"]]["verdict"] == "correct")]
    agreement = 1 - len(differing) / len(rows)
    print(f"{file.name}: {len(rows):,} graded in {seconds:.1f} s")
    print(f"  agrees with the authors: {len(rows) - len(differing)} of {len(rows)} ({agreement:.3f})")
    for row in differing:
        ours = found[row["id"]]
        authors = f"gold {row['gold']!r}, authors {row['right']} {row['answer']!r}"
        print(f"    {row['id']}: {_difference(row, ours)}: {authors}, {_said(ours)}")
    unlike = counts_differ(rows, found)
    total = sum(row["epistemic_count"] for row in found.values())
    print(f"  kim2026 counts as a plain count does: {len(rows) - unlike} of {len(rows)} rows ({total:,} markers)")
    return agreement >= AGREEMENT and not unlike


def _difference(row: Row, ours: Row) -> str:
    if ours["verdict"] not in ("correct", "wrong"):
        return "no verdict on an answer"
    same = "".join(str(row["answer"]).split()) == "".join(ours["extracted_answer"].split())
    return "the same answer, judged otherwise" if same else "another answer was read"


def _said(ours: Row) -> str:
    return f"infogap {ours['verdict']} {ours['extracted_answer']!r}" + (
        f" ({ours['detail']})" if ours["detail"] else ""
    )


def _read(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--math500", type=Path)
    parser.add_argument("--eval", type=Path, nargs="+", default=[])
    given = parser.parse_args()
    passed = [math500(given.math500)] if given.math500 else []
    passed += [evaluation(file) for file in given.eval]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
