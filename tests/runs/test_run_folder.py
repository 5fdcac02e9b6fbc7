"""The run folder: tables in parts, one writer at a time."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.errors import ExternalError, InputError
from infogap.recipe import load_recipe
from infogap.runs import run_folder as run_module
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MIX

RECIPE = """\
name: demo
tasks: [{from: reasoning_gym, names: [gcd], count: 2}]
teacher: {backend: embedded}
generate: {privileges: [unguided]}
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    made = Run.create(load_recipe(file), tmp_path / "run")
    made.path.mkdir()
    return made


def contexts(start: int, rows: int) -> pl.DataFrame:
    return CONTEXTS.frame(
        [
            {"context_id": f"c{n:04d}", "task_id": "t", "privilege": "answer", "text": str(n)}
            for n in range(start, start + rows)
        ]
    )


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(0, 25), max_size=6))
def test_parts_hold_every_row_once_in_order(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    folder = tmp_path_factory.mktemp("run")
    (folder / "recipe.yaml").write_text(RECIPE)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "ROWS_PER_PART", 10)
        with run.rewrite(CONTEXTS) as out:
            start = 0
            for rows in sizes:
                out.write(contexts(start, rows))
                start += rows
    parts = list(run.parts(CONTEXTS))
    assert pl.concat(parts)["context_id"].to_list() == [f"c{n:04d}" for n in range(sum(sizes))]
    assert all(part.height == 10 for part in parts[:-1])
    assert run.rows(CONTEXTS) == sum(sizes)


def test_equal_rows_give_equal_bytes_however_they_were_written(run: Run) -> None:
    digests = []
    for pieces in ([30], [1, 29], [10, 10, 10]):
        with run.rewrite(CONTEXTS) as out:
            start = 0
            for rows in pieces:
                out.write(contexts(start, rows))
                start += rows
        digests.append([path.read_bytes() for path in run.part_paths(CONTEXTS)])
    assert digests[0] == digests[1] == digests[2]


def test_an_unfinished_rewrite_leaves_no_manifest(run: Run) -> None:
    with run.rewrite(MIX) as out:
        out.write(MIX.empty())
    run.manifest_path("mix").write_text("{}")
    with pytest.raises(RuntimeError), run.rewrite(MIX):
        raise RuntimeError
    assert not run.manifest_path("mix").exists()


def test_a_second_writer_is_refused_with_the_first_ones_pid(run: Run) -> None:
    import os

    with run.lock(), pytest.raises(ExternalError, match=f"pid {os.getpid()}"), run.lock():
        pass
    with run.lock():
        pass  # given back


def test_a_folder_of_other_things_is_left_alone(run: Run) -> None:
    (run.path / "dataset").mkdir()
    (run.path / "dataset" / "mine.txt").write_text("precious")
    with run.lock(), pytest.raises(InputError, match="not empty"):
        run.save_recipe()
    assert (run.path / "dataset" / "mine.txt").read_text() == "precious"


def test_a_run_killed_before_its_recipe_was_written_is_taken_up_again(run: Run) -> None:
    (run.path / "run.json").write_text('{"base": "/elsewhere"}')
    (run.path / ".recipe.yaml.123.tmp").write_text("name: de")
    run.save_recipe()
    assert Run.open(run.path).recipe == run.recipe


def test_a_path_that_cannot_be_a_folder_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"), Run(tmp_path / "file", run.recipe, run.base).lock():
        pass
    with pytest.raises(ExternalError, match="cannot write"), Run(Path("/proc/none"), run.recipe, run.base).lock():
        pass


def test_a_resolved_recipe_runs_as_the_original_does(run: Run) -> None:
    run.save_recipe()
    again = load_recipe(run.path / "recipe.yaml")
    assert again.base == run.base
    (run.path / "run.json").write_text("{torn")
    assert Run.open(run.path).recipe == run.recipe


def test_a_run_opens_with_its_resolved_recipe(run: Run) -> None:
    run.save_recipe()
    opened = Run.open(run.path)
    assert opened.recipe == run.recipe
    assert opened.base == run.base


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        Run.open(tmp_path)


def test_a_damaged_part_is_named(run: Run) -> None:
    (run.path / "mix").mkdir()
    (run.path / "mix" / "part-00000.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(ExternalError, match=r"part-00000\.parquet is damaged.*remove this file"):
        list(run.parts(MIX))
    with pytest.raises(ExternalError, match=r"part-00000\.parquet is damaged"):
        run.scan(MIX)


def test_a_rewrite_leaves_what_is_not_of_the_table(run: Run) -> None:
    cached = run.path / "contexts" / "cache" / "x.parquet"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"paid for")
    with run.rewrite(CONTEXTS) as out:
        out.write(contexts(0, 3))
    assert cached.read_bytes() == b"paid for"
