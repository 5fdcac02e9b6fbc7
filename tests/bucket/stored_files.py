"""What is in a bucket, read with another client than infogap's; and small runs to put there."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3

RECIPE = """\
name: small
import: [{from: traces.jsonl, columns: {question: question, answer: answer, trace: text}}]
dedupe: {threshold: 0.8}
balance: {size: 10, when_short: best_effort}
publish: {license: apache-2.0, configs: [sft]}
"""


def client() -> Any:
    return boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")


def objects(bucket: str, prefix: str) -> dict[str, bytes]:
    """Every object below a prefix, by its name there; without one that is deleted meanwhile."""
    s3, found = client(), {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for key in (each["Key"] for each in page.get("Contents", [])):
            with suppress(s3.exceptions.NoSuchKey):
                found[key.removeprefix(f"{prefix}/")] = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return found


def files(run: Path) -> dict[str, bytes]:
    """Every file of a folder, by its name there, without hidden ones."""
    paths = {path.relative_to(run): path for path in run.rglob("*") if path.is_file()}
    return {
        str(name): path.read_bytes()
        for name, path in paths.items()
        if not any(part.startswith(".") for part in name.parts)
    }


def results(found: dict[str, bytes]) -> dict[str, bytes]:
    """What does not depend on when and where a run was made."""
    return {name: content for name, content in found.items() if name not in ("times.json", "run.json")}


def small_recipe(folder: Path, traces: int = 30) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [
        {"question": f"{n} + 2?", "answer": str(n + 2), "text": f"Wait, let me see. \\boxed{{{n + 2 + n % 2}}}"}
        for n in range(traces)
    ]
    (folder / "traces.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (folder / "r.yaml").write_text(RECIPE)
    return folder / "r.yaml"
