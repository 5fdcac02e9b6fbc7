"""Write a recipe to start from, for an existing file of tasks or traces."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from infogap.errors import InputError
from infogap.recipe.load_recipe import yaml_text
from infogap.recipe.sources import RowSource
from infogap.recipe.verifier_names import DEFAULT_VERIFIER, instruction_for
from infogap.rows.column_paths import MISSING, reach, read_json, value_of
from infogap.rows.file_locations import is_url
from infogap.rows.format_recognition import (
    Recognised,
    by_their_names,
    common_ending,
    first_rows,
    fit_options,
    guessed,
    recognise,
)
from infogap.rows.message_turns import messages_in
from infogap.rows.source_rows import read_rows

_OF_TASKS = ("question", "answer", "options", "solution", "family", "difficulty")
_BESIDE = ("answer", "options", "solution", "family", "difficulty")  # what a file may have beside a format's columns
_TRACES = ("trace", "response")
_TEACHER = """\
teacher:
  backend: embedded       # a small model in this process; or openai (any server), vllm, ray
  sampling: {temperature: 0.7, max_tokens: 256}

generate:
  samples: 2              # traces per task and privilege
  privileges: [%s]
%s"""
_REST = """\
measure:
  lexicons: [infogap, kim2026]            # the first one decides the band

dedupe: {scope: task, threshold: 0.8}

balance:
  leak: drop                              # traces that show what only the teacher saw

publish:
  version: 0.1.0
  configs: [sft, traces]
"""


def first_recipe(file: str, base: Path, folder: Path) -> str:
    """Return the text of a recipe in `folder` that reads a file: by a named mapping that it fits, else by column names.

    A file with traces is imported; from others, 20 tasks go to a teacher. A relative `file` starts from `base`. Raises
    InputError where the file cannot be read or its columns are not recognised.
    """
    fits = recognise(file, base)
    source, comments = _by_format(file, base, fits) if fits else _by_names(file, base)
    imported = any(name in source["columns"] for name in _TRACES)
    source["from"] = _from(file, base, folder)
    if "join" in source:
        source["join"]["from"] = _from(source["join"]["from"], base, folder)
    if not imported:
        source["limit"] = 20
    order = ("from", "rows", "format", "join", "columns", "strip_suffix", "verifier", "where", "limit")
    written = {key: source[key] for key in order if source.get(key)}
    if fits:  # the named mapping has the others
        written["columns"] = source["beside"]
        written = {key: value for key, value in written.items() if value}
    lines = [*yaml_text({"name": _name(file), "seed": 1}).splitlines(), ""]
    lines += ["import:" if imported else "tasks:", *_item(written), *(f"    # {comment}" for comment in comments), ""]
    if not imported:
        shown = ["unguided", "answer", *(["solution"] if source["columns"].get("solution") else [])]
        asked = instruction_for(source.get("verifier") or source.get("graded_by") or DEFAULT_VERIFIER)
        instruction = "" if asked is None else f"  {yaml_text({'instruction': asked})}"
        lines += [*(_TEACHER % (", ".join(shown), instruction)).splitlines(), ""]
    return "\n".join(lines) + "\n" + _REST


def _by_format(file: str, base: Path, fits: list[Recognised]) -> tuple[dict[str, Any], list[str]]:
    best = fits[0]
    columns = best.format.mapping["columns"]
    rows = first_rows(file, base, best.format.mapping.get("rows"))
    beside, verifier = _beside(file, best.format.mapping, rows)
    source: dict[str, Any] = {
        "format": best.name,
        "columns": {key: path for key, path in columns.items() if path} | beside,
        "beside": beside,
        "verifier": verifier,
        "graded_by": best.format.mapping.get("verifier"),
        "where": _one_alternative(best.format.alternatives, rows),
        "strip_suffix": _ending(rows, columns["question"]),
    }
    mapped = yaml_text({"columns": columns}).splitlines()
    comments = [f"{best.format.about}. It maps:", *(f"  {line}" for line in mapped)]
    if len(fits) > 1:
        comments.append(f"it also looks like: {', '.join(one.name for one in fits[1:])}")
    if best.format.second_file is not None:
        source["join"] = {"from": _second_file(file, base, best), "on": best.format.second_file.key}
    return source, comments


def _beside(file: str, mapping: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[dict[str, str], str | None]:
    """Map columns that a named mapping leaves out, such as gold answers beside a chat; return a verifier too."""
    by_name: dict[str, str] = {}
    for row in rows:
        for key, value in row.items():
            by_name.setdefault(str(key).lower(), str(key))
            inside = read_json(value) if isinstance(value, str) and value.startswith("{") else value
            if isinstance(inside, dict):
                for inner in inside:
                    by_name.setdefault(str(inner).lower(), f"{key}.{inner}")
    mapped = " ".join(str(path) for path in mapping["columns"].values())
    named = by_their_names(by_name)
    used = {field for field, path in named.items() if re.search(rf"\b{re.escape(path)}\b", mapped)}
    fields = (*_BESIDE, "tools") if mapping["columns"].get("trace") else _BESIDE
    wanted = [field for field in fields if field in named and not mapping["columns"].get(field) and field not in used]
    beside = {field: named[field] for field in wanted}
    if mapping["columns"].get("answer") or "answer" not in beside:
        beside.pop("options", None)
        return beside, None
    return beside, fit_options(file, beside, rows) if "verifier" not in mapping else None


def _one_alternative(column: str | None, rows: list[dict[str, Any]]) -> str | None:
    """Return a condition that takes each sample once, where the file has it several times."""
    values = sorted({str(row[column]) for row in rows if column is not None and row.get(column) is not None})
    return f"\"{column}\" = '{values[0]}'" if len(values) > 1 else None


def _ending(rows: list[dict[str, Any]], question: str) -> str | None:
    """Return the instruction with which all questions, or the last turns of conversations, end."""
    texts = [value_of(row, question) for row in rows]
    last = [messages[-1] for text in texts if (messages := messages_in(text))]
    texts += [message.get("content") for message in last]
    return common_ending([text for text in texts if isinstance(text, str)])


def _by_names(file: str, base: Path) -> tuple[dict[str, Any], list[str]]:
    rows, columns, verifier = guessed(file, base)
    imported = any(name in columns for name in _TRACES)
    if not imported and "answer" not in columns:
        seems = ", ".join(f"{key} in `{path}`" for key, path in columns.items())
        raise InputError(
            f"{file}: none of its columns looks like gold answers or traces (it seems to have {seems}); write the "
            "recipe by hand (infogap init) and map `answer`, or `trace`, to a column"
        )
    known: dict[str, str | None] = {key: path for key, path in columns.items() if imported or key in _OF_TASKS}
    if "answer" not in known:
        known["answer"] = None
    sample = first_rows(file, base, rows)
    source = {"columns": known, "verifier": verifier, "rows": rows}
    source["strip_suffix"] = _ending(sample, columns["question"])
    return source, ["the columns are guessed by their names: infogap check --plan shows how they are read"]


def _second_file(file: str, base: Path, fits: Recognised) -> str:
    """Find the file with the questions, beside the one with the answers. Raises InputError where there is none."""
    second = fits.format.second_file
    assert second is not None
    wanted = [second.key, *second.columns]
    path = base / file
    for other in sorted(path.parent.glob("*.jsonl")) if path.is_file() else []:
        if other != path and _has_columns(str(other), base, wanted):
            return os.path.relpath(other, base)
    raise InputError(
        f"{file} {second.missing} (*.jsonl with {' and '.join(wanted)}), or write "
        f"`join: {{from: INPUT, on: {second.key}}}` into a recipe by hand"
    )


def _has_columns(file: str, base: Path, paths: list[str]) -> bool:
    try:
        _, row = next(iter(read_rows(base, RowSource.model_validate({"from": file}), None)))
    except (InputError, StopIteration):
        return False
    return all(reach(row, path) is not MISSING for path in paths)


def _from(file: str, base: Path, folder: Path) -> str:
    """Return the file as a recipe in `folder` names it."""
    if is_url(file) or Path(file).is_absolute() or not (base / file).exists():
        return file
    return os.path.relpath((base / file).resolve(), folder.resolve())


def _name(file: str) -> str:
    stem = RowSource.model_validate({"from": file}).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "mine"


def _item(source: dict[str, Any]) -> list[str]:
    """Write a source as an item of a YAML list."""
    lines = yaml_text(source).splitlines()
    return [f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])]
