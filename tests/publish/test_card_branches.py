"""Every branch of the card's template is rendered by one of these runs, so that none of them fails unseen."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jinja2
import polars as pl
import pytest
from jinja2 import nodes

from infogap.charts import drawing
from infogap.effects import bootstrap_intervals
from infogap.publish import STAGE, card
from infogap.publish.card_template import template_path
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, MIX, TASKS, TRACES, Table
from publish.small_run import IMPORT_RECIPE, RECIPE, build_run
from publish.test_card_decontamination import run_against_exam

_SEEN: set[tuple[int, bool]] = set()
_TEACHERS = """    teachers:
      big: {backend: openai, model: /models/Teacher-8B, base_url: "http://gpu-node-17.internal/v1"}
      small: {backend: embedded}
"""


class MarkingEnvironment(jinja2.Environment):
    """Records whenever a condition or a loop of the card's template goes one way or the other."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        if source == template_path().read_text(encoding="utf-8"):
            self.filters["seen"] = _seen
            for number, node in enumerate(branches(template)):
                _mark(node, number)
            template.set_environment(self)
        return template


def branches(template: nodes.Template) -> list[nodes.If | nodes.For | nodes.CondExpr]:
    """Return the conditions and loops of the template, in a fixed order."""
    return [*template.find_all(nodes.CondExpr), *template.find_all(nodes.If), *template.find_all(nodes.For)]


def _seen(value: object, number: int, taken: bool) -> object:
    _SEEN.add((number, taken))
    return value


def _mark(node: nodes.If | nodes.For | nodes.CondExpr, number: int) -> None:
    def record(value: nodes.Expr, taken: bool) -> nodes.Filter:
        arguments: list[nodes.Expr] = [nodes.Const(number), nodes.Const(taken)]
        return nodes.Filter(value, "seen", arguments, [], None, None, lineno=node.lineno)

    if isinstance(node, nodes.CondExpr):
        node.expr1, node.expr2 = record(node.expr1, True), record(node.expr2 or nodes.Const(""), False)
    else:
        node.body.insert(0, nodes.Output([record(nodes.Const(""), True)], lineno=node.lineno))
        node.else_ = [nodes.Output([record(nodes.Const(""), False)], lineno=node.lineno), *(node.else_ or [])]


def _changed(*changes: tuple[str, str], recipe: str = RECIPE) -> str:
    for old, new in changes:
        assert old in recipe, old
        recipe = recipe.replace(old, new)
    return recipe


def _rewritten(run: Run, table: Table, *values: pl.Expr) -> None:
    rows = run.scan(table).collect().with_columns(values)
    with run.rewrite(table) as out:
        out.write(rows)


def _several_teachers(folder: Path) -> Run:
    start, end = RECIPE.index("    teacher:"), RECIPE.index("    generate:")
    recipe = RECIPE[:start] + _TEACHERS + RECIPE[end:]
    run = build_run(folder, _changed(("samples: 2", "samples: 1\n      one_teacher_per_task: true"), recipe=recipe))
    _rewritten(
        run, TRACES, pl.when(pl.col("sample") == 0).then(pl.lit("big")).otherwise(pl.lit("small")).alias("teacher")
    )
    return run


def _several_mixes(folder: Path) -> Run:
    mixes = "balance: {allow_mixed_teachers: true, mixes: {one: {}, two: {max_per_task: 1}}}"
    run = build_run(folder, _changed(("balance: {size: 10, verdict: {correct: 0.75, wrong: 0.25}}", mixes)))
    mix = run.scan(MIX).collect()
    with run.rewrite(MIX) as out:
        out.write(pl.concat([mix.with_columns(mix=pl.lit("one")), mix.with_columns(mix=pl.lit("two"))]))
    return run


def _one_task(folder: Path) -> Run:
    """One task, one family, one trace that is in the mix: nothing is left out, nothing can be compared."""
    run = build_run(folder, _changed(("balance: {size: 10, verdict: {correct: 0.75, wrong: 0.25}}", "dedupe: null")))
    (chosen,) = run.scan(MIX).filter("selected").sort("trace_id").head(1).collect()["trace_id"]
    for table in (TRACES, MEASURES, MIX):
        rows = run.scan(table).filter(trace_id=chosen).collect()
        with run.rewrite(table) as out:
            out.write(rows)
    run.manifest_path(TASKS.name).unlink()
    return run


def _leaks_kept(folder: Path, count: int) -> Run:
    run = build_run(folder, _changed(("balance: {size", "balance: {leak: keep, size")))
    ids = run.scan(MIX).filter("selected").sort("trace_id").head(count).collect()["trace_id"]
    _rewritten(run, MEASURES, pl.col("trace_id").is_in(ids.implode()).alias("leak"))
    return run


def _decoys(folder: Path) -> Run:
    """Six tasks whose decoys have longer traces than the rest, in a mix with all that a mix can have."""
    mix = ("balance: {size: 10, verdict: {correct: 0.75, wrong: 0.25}}", "balance: {max_per_task: 2, family: uniform}")
    source = ("columns: {solution: solution}", "columns: {solution: solution}\n        url: https://example.org/sums")
    run = build_run(folder, _changed(("answer, solution]", "answer, decoy_answer]"), mix, source))
    decoy = pl.col("privilege") == "solution"
    _rewritten(
        run,
        TRACES,
        pl.when(decoy).then(pl.lit("decoy_answer")).otherwise("privilege").alias("privilege"),
        pl.when(decoy).then(pl.int_range(pl.len()) + 100).otherwise("completion_tokens").alias("completion_tokens"),
    )
    return run


def _shared_question(run: Run) -> Run:
    """Let the run's tasks come from sources that have a question in common."""
    path = run.manifest_path(TASKS.name)
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"counts": manifest["counts"] | {"merged_between_sources": 1}}))
    return run


def _runs(folder: Path) -> list[Run]:
    plain = build_run(folder / "plain")
    wide = build_run(folder / "wide")
    _rewritten(wide, TASKS, pl.col("task_id").alias("family"))
    return [
        plain,
        _several_teachers(folder / "teachers"),
        _several_mixes(folder / "mixes"),
        _one_task(folder / "one"),
        _leaks_kept(folder / "leak", 1),
        _leaks_kept(folder / "leaks", 3),
        run_against_exam(folder / "drop", "drop"),
        run_against_exam(folder / "report", "report"),
        run_against_exam(folder / "covered", "report\n      rule: coverage"),
        _decoys(folder / "decoys"),
        build_run(folder / "imported", IMPORT_RECIPE),
        _shared_question(build_run(folder / "shared")),
        _shared_question(build_run(folder / "imports", IMPORT_RECIPE)),
        wide,
        build_run(folder / "unchecked", _changed(("version: 0.1.0", "version: 0.1.0, shared_run: null"))),
        build_run(
            folder / "split",
            _changed(
                ("version: 0.1.0", "version: 0.1.0, splits: {train: 0.5, validation: 0.5, test: held_out}"),
                ("balance: {size", "balance: {hold_out: {families: 1}, size"),
            ),
        ),
        build_run(
            folder / "rounds",
            _changed(
                ("samples: 2", "samples: 1\n      until: {correct: 1, max_attempts: 6}"),
                ("columns: {solution: solution}", "columns: {solution: solution}\n        license: cc-by-nc-4.0"),
            ),
        ),
    ]


@pytest.mark.usefixtures("charts")
def test_every_branch_of_the_card_is_rendered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jinja2, "Environment", MarkingEnvironment)
    monkeypatch.setattr(card, "_compiled", cache(card._compiled.__wrapped__))  # by that one, for these runs alone
    _SEEN.clear()
    for run in _runs(tmp_path):
        STAGE.make(run)
    monkeypatch.setattr(drawing, "available", lambda: False)
    monkeypatch.setattr(bootstrap_intervals, "MOST_RESAMPLED", 3)
    outcome = STAGE.make(build_run(tmp_path / "without_plots"))
    assert any("infogap[plots]" in note for note in outcome.notes)
    assert "Intervals over more than 3 tasks" in (tmp_path / "without_plots/run/dataset/README.md").read_text()
    template = super(MarkingEnvironment, MarkingEnvironment())._parse(template_path().read_text(), None, None)
    elifs = {
        id(each) for node in template.find_all(nodes.If) for each in node.elif_
    }  # their `else` is the first `if`'s
    unseen = [
        f"line {node.lineno}: {type(node).__name__} was never {'true' if taken else 'false'}"
        for number, node in enumerate(branches(template))
        for taken in (True, False)
        if (number, taken) not in _SEEN and (taken or not (isinstance(node, nodes.For) or id(node) in elifs))
    ]
    assert not unseen, "\n".join(unseen)
