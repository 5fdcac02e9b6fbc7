"""The card says what was compared with which evaluation sets, by which rule, and what became of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from infogap.decontaminate import STAGE as DECONTAMINATE
from infogap.effects.trace_summary import traces_in_short
from infogap.ids import file_digest
from infogap.publish import STAGE
from infogap.publish.card_counts import decontaminated
from infogap.runs import manifest
from infogap.runs.manifest import Manifest
from infogap.runs.run_folder import Run
from infogap.schema import MIX
from publish.small_run import RECIPE, build_run

SECTION = """
    decontaminate:
      against: [{{from: {file}, name: exam}}]
      policy: {policy}
      ignore: ["by heart:"]
"""


def run_against_exam(folder: Path, policy: str) -> Run:
    """Six tasks of six traces each, one of whose questions is the exam's."""
    exam = folder / "secret-exams" / "exam.jsonl"
    exam.parent.mkdir(parents=True)
    exam.write_text(json.dumps({"question": "By heart: what is 3 + 2?"}))
    run = build_run(folder, RECIPE + SECTION.format(file=exam, policy=policy))
    outcome = DECONTAMINATE.make(run)
    made = Manifest("decontaminate", 1, "print", DECONTAMINATE.part(run), {}, outcome.rows, outcome.counts)
    manifest.write(run.manifest_path("contamination"), made)
    if policy == "drop":
        mix = run.scan(MIX).collect()
        going = pl.col("trace_id").is_in(contaminated(run).implode())
        with run.rewrite(MIX) as out:
            reason = pl.when(going).then(pl.lit("contaminated")).otherwise("reason")
            out.write(mix.with_columns(selected=pl.col("selected") & ~going, reason=reason))
    return run


def contaminated(run: Run) -> pl.Series:
    from infogap.decontaminate.contaminated_traces import contaminated_traces

    return contaminated_traces(run).collect()["trace_id"]


@pytest.mark.parametrize("policy", ["drop", "report"])
def test_the_card_names_rule_sets_and_what_became_of_matches(tmp_path: Path, policy: str) -> None:
    run = run_against_exam(tmp_path, policy)
    STAGE.make(run)
    text = (run.path / "dataset" / "README.md").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("- Decontamination"))
    assert "`exam` (1 question, SHA-256 " + file_digest(tmp_path / "secret-exams" / "exam.jsonl")[:16] in line
    assert "by word 8-grams" in line and "One shared n-gram is a match" in line
    assert "removed beforehand: `by heart:`." in line
    assert "Matches: 1 question;" in line
    found = decontaminated(run, traces_in_short(run))
    assert found is not None
    assert len(contaminated(run)) == 6
    if policy == "drop":
        assert (found.dropped, found.selected) == (6, 0)
        assert "6 traces are therefore excluded from the mix, but still in the config `traces`" in line
    else:
        assert (found.dropped, found.selected) == (0, 3)
        assert "they were reported but not dropped: 3 of the mix's traces match." in line
    assert "secret-exams" not in text
    made = json.loads((run.path / "dataset" / "infogap.json").read_text())
    assert made["fingerprints"]["contamination"] == "print"


def test_without_the_section_the_card_says_that_nothing_was_compared(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    STAGE.make(run)
    assert "- The dataset was not compared with evaluation sets.\n" in (run.path / "dataset" / "README.md").read_text()
