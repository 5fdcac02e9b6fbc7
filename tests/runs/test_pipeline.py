"""What is made again, and why: two small stages stand for any."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infogap.errors import InputError
from infogap.ids import file_digest
from infogap.recipe import load_recipe
from infogap.runs import checked_files
from infogap.runs.manifest import Manifest
from infogap.runs.pipeline import run_one, stages
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.runs.staleness import StageState, Staleness
from infogap.schema import CONTEXTS, MIX


class Bench:
    """A run folder with a first stage that writes contexts and a second that reads them and writes the mix."""

    def __init__(self, folder: Path) -> None:
        file = folder / "recipe.yaml"
        file.write_text(
            "name: demo\n"
            "tasks: [{from: reasoning_gym, names: [gcd], count: 2}]\n"
            "teacher: {backend: embedded}\n"
            "generate: {privileges: [unguided]}\n"
        )
        self.run = Run.create(load_recipe(file), folder / "run")
        self.settings: dict[str, dict[str, Any]] = {"first": {"text": "a"}, "second": {"keep": True}}
        self.versions = {"first": 1, "second": 1}

    def stages(self) -> list[Stage]:
        return [
            Stage("first", ("contexts",), (), self.versions["first"], lambda _: self.settings["first"], self._first),
            Stage(
                "second",
                ("mix",),
                ("contexts",),
                self.versions["second"],
                lambda _: self.settings["second"],
                self._second,
            ),
        ]

    def _first(self, run: Run) -> Outcome:
        # `note` is a setting without an effect on the rows, as settings sometimes are.
        row = {"context_id": "c", "task_id": "t", "privilege": "answer", "text": self.settings["first"]["text"]}
        with run.rewrite(CONTEXTS) as out:
            out.write(CONTEXTS.frame([row]))
        return Outcome(rows=1)

    def _second(self, run: Run) -> Outcome:
        selected = self.settings["second"]["keep"]
        with run.rewrite(MIX) as out:
            out.write(
                MIX.frame(
                    [{"mix": "mix", "trace_id": "x", "selected": selected, "stratum": None, "reason": "selected"}]
                )
            )
        return Outcome(rows=1, shortfall=None if selected else "1 of 2")

    def make(self) -> list[str]:
        """Bring both up to date; returns the stages that were made."""
        made = []
        for stage in self.stages():
            staleness = Staleness(self.run, self.stages())
            if staleness.state(stage).state != "done":
                staleness.record(stage, stage.make(self.run))
                made.append(stage.name)
        return made

    def states(self) -> list[StageState]:
        staleness = Staleness(self.run, self.stages())
        return [staleness.state(stage) for stage in self.stages()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_nothing_is_made_twice(bench: Bench) -> None:
    assert [state.state for state in bench.states()] == ["missing", "missing"]
    assert bench.make() == ["first", "second"]
    assert bench.make() == []
    assert [state.state for state in bench.states()] == ["done", "done"]


def test_a_changed_setting_makes_its_stage_and_those_after_it_stale(bench: Bench) -> None:
    bench.make()
    bench.settings["first"] = {"text": "b"}
    first, second = bench.states()
    assert first.why == ['text: "a" -> "b"']
    assert second.why == ["contexts is not up to date"]
    assert bench.make() == ["first", "second"]


def test_a_change_further_down_leaves_earlier_stages_alone(bench: Bench) -> None:
    bench.make()
    bench.settings["second"] = {"keep": False}
    assert bench.make() == ["second"]
    assert bench.states()[1].shortfall == "1 of 2"


def test_a_remake_with_the_same_rows_makes_nothing_else_again(bench: Bench) -> None:
    bench.make()
    bench.settings["first"] = {"text": "a", "note": "no effect"}
    assert bench.make() == ["first"]


def test_manifests_depend_on_the_recipe_and_not_on_the_runs_history(tmp_path: Path) -> None:
    texts = []
    for name, history in (("fresh", []), ("changed", [{"text": "a"}])):
        (tmp_path / name).mkdir()
        bench = Bench(tmp_path / name)
        for settings in [*history, {"text": "a", "note": "no effect"}]:
            bench.settings["first"] = settings
            bench.make()
        for stage in bench.stages():
            Staleness(bench.run, bench.stages()).refresh(stage)
        texts.append([bench.run.manifest_path(folder).read_text() for folder in ("contexts", "mix")])
    assert texts[0] == texts[1]


def test_a_new_version_of_a_stage_is_made_again(bench: Bench) -> None:
    bench.make()
    bench.versions["second"] = 2
    assert bench.states()[1].why == ["this version of infogap computes it differently"]
    assert bench.make() == ["second"]


def test_files_that_are_gone_or_cut_are_noticed(bench: Bench) -> None:
    bench.make()
    (part,) = bench.run.part_paths(MIX)
    part.write_bytes(part.read_bytes()[:-1])
    assert bench.states()[1].why == ["mix/part-00000.parquet has a different size"]
    part.unlink()
    assert bench.states()[1].why == ["mix/part-00000.parquet is missing"]
    assert bench.make() == ["second"]


def test_changed_bytes_are_noticed_and_the_table_is_made_again(bench: Bench) -> None:
    bench.make()
    (part,) = bench.run.part_paths(CONTEXTS)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    first, second = bench.states()
    assert first.why == ["contexts/part-00000.parquet has other content than when it was written"]
    assert second.why == ["contexts is not up to date"]
    assert bench.make() == ["first"]  # with the rows that the second has read
    assert [state.state for state in bench.states()] == ["done", "done"]


def test_a_file_is_read_once_for_its_size_and_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.make()
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return file_digest(path)

    monkeypatch.setattr(checked_files, "file_digest", counted)
    bench.states()
    assert read == []  # its digest was computed when it was written
    (bench.run.path / checked_files.FILE_NAME).write_text("no JSON")
    bench.states()
    bench.states()
    assert read == ["part-00000.parquet"] * 2


def test_a_table_that_was_changed_is_not_taken_for_the_stages_own(bench: Bench) -> None:
    bench.make()
    (part,) = bench.run.part_paths(CONTEXTS)
    CONTEXTS.frame([{"context_id": "d", "task_id": "t", "privilege": "answer", "text": "other"}]).write_parquet(part)
    Staleness(bench.run, bench.stages()).set_damaged_aside(bench.stages()[0])
    assert bench.run.part_paths(CONTEXTS) == []
    assert (part.parent / "damaged-part-00000.parquet").is_file()


def test_a_source_that_is_gone_makes_nothing_stale_and_changes_no_fingerprint(bench: Bench) -> None:
    bench.settings["first"] = {"text": "a", "sha256": "0" * 64}
    bench.make()
    before = bench.run.manifest("contexts")
    bench.settings["first"] = {"text": "a", "sha256": None}
    assert [state.state for state in bench.states()] == ["done", "done"]
    for stage in bench.stages():
        Staleness(bench.run, bench.stages()).refresh(stage)
    assert bench.run.manifest("contexts") == before


def test_a_part_that_depends_on_an_earlier_manifest_is_read_after_that_is_written(bench: Bench) -> None:
    first, second = bench.stages()
    second = replace(
        second, part=lambda run: {"fingerprint": made.fingerprint if (made := run.manifest("contexts")) else None}
    )
    staleness = Staleness(bench.run, [first, second])
    staleness.state(first), staleness.fits(second, Manifest("second", 1, "", {}, {}, 0, {}))
    staleness.record(first, first.make(bench.run))
    staleness.record(second, second.make(bench.run))
    assert Staleness(bench.run, [first, second]).state(second).state == "done"


def test_a_damaged_manifest_counts_as_missing(bench: Bench) -> None:
    bench.make()
    bench.run.manifest_path("mix").write_text("{")
    assert bench.states()[1].state == "missing"


def test_equal_work_gives_equal_manifests(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        bench = Bench(tmp_path / name)
        bench.make()
        texts.append(bench.run.manifest_path("mix").read_text())
    assert texts[0] == texts[1]


GENERATED = "tasks: [{from: reasoning_gym, names: [gcd], count: 2}]\nteacher: {backend: embedded}\n"
GENERATED += "generate: {privileges: [unguided]}\n"
IMPORTED = "import: [{from: traces.jsonl, columns: {question: q, trace: t}}]\n"


@pytest.mark.parametrize(
    ("recipe", "name", "reason"),
    [
        (GENERATED, "gap", "the recipe scores nothing; add `measure"),
        (GENERATED, "decontaminate", "the recipe names no evaluation sets; add to it: `decontaminate"),
        (GENERATED, "import", "this run has no stage import: its traces are generated"),
        (IMPORTED, "generate", "this run has no generate stage: its traces are imported"),
    ],
)
def test_a_stage_says_why_a_recipe_does_not_have_it(tmp_path: Path, recipe: str, name: str, reason: str) -> None:
    (tmp_path / "recipe.yaml").write_text(f"name: demo\n{recipe}")
    run = Run.create(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "run")
    assert name not in [stage.name for stage in stages(run.recipe)]
    with pytest.raises(InputError, match=reason):
        run_one(run, name)
