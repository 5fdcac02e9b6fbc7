"""Duplicates among texts of which some were signed before are those of a search from nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dedupe.plain_search import held
from infogap.console import speaking
from infogap.dedupe import signed_batches
from infogap.dedupe.batch_engines import engine
from infogap.dedupe.signed_batches import Signed
from infogap.dedupe.stage import STAGE
from infogap.recipe import load_recipe
from infogap.runs import block_cache, run_folder
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, TASKS, TRACES

_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
TEXT = st.one_of(
    st.none(),
    st.sampled_from(["", " ", "One two three.", "\u4e00\u4e8c\u4e09"]),
    st.integers(0, 11).map(lambda changed: " ".join([*_WORDS[:changed], "changed", *_WORDS[changed + 1 :]])),
)
TEXTS = st.lists(TEXT, max_size=12)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "ROWS_PER_PART", 3)
    monkeypatch.setattr(block_cache, "WORTH_KEEPING", 1)


def write(run: Run, texts: list[str | None]) -> None:
    usual = dict.fromkeys(TRACES.schema) | {"task_id": "t", "privilege": "unguided", "teacher": "one"}
    rows = [
        usual
        | {"trace_id": f"trace {place}", "sample": place, "response": text, "error": "failed" if not text else None}
        for place, text in enumerate(texts)
    ]
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame(rows))
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([dict.fromkeys(TASKS.schema) | {"task_id": "t", "family": "f"}]))


def new_run(folder: Path, dedupe: str = "{ngram: 2, threshold: 0.5, num_perm: 32}") -> Run:
    folder.mkdir(exist_ok=True)
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"name: demo\nimport: [{{from: x.jsonl, columns: {{trace: text}}}}]\ndedupe: {dedupe}\n")
    return Run(folder / "run", load_recipe(recipe).recipe, folder)


def files(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run.path / DUPLICATES.name).glob("*.parquet")}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(before=TEXTS, after=TEXTS, appended=st.booleans())
def test_duplicates_are_as_if_searched_from_nothing(
    tmp_path: Path, before: list[str | None], after: list[str | None], appended: bool
) -> None:
    for name in ("grown", "fresh"):
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    grown, fresh = new_run(tmp_path / "grown"), new_run(tmp_path / "fresh")
    write(grown, before)
    STAGE.make(grown)
    after = [*before, *after] if appended else after
    write(grown, after)
    write(fresh, after)
    made, expected = STAGE.make(grown), STAGE.make(fresh)
    assert (made.rows, made.counts, made.notes) == (expected.rows, expected.counts, expected.notes)
    assert files(grown) == files(fresh)


@given(texts=TEXTS)
def test_a_batch_and_its_table_are_the_same(texts: list[str | None]) -> None:
    (batch,) = held(pl.Series(texts, dtype=pl.String))
    signed = Signed.of(batch, 2, 16)
    again = Signed.from_table(signed.table())
    assert again.digests == signed.digests and again.signatures.dtype == signed.signatures.dtype
    for name in ("given", "sizes", "signatures"):
        assert getattr(again, name).tolist() == getattr(signed, name).tolist()


class Counted:
    """How many batches were signed since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches = 0

        class Engine:
            def map(_, function: Any, items: Iterable[Any], *shared: Any) -> Iterator[Any]:  # noqa: N805
                def each() -> Iterator[Any]:
                    for item in items:
                        self.batches += 1
                        yield item

                return engine().map(function, each(), *shared)

        monkeypatch.setattr(signed_batches, "engine", Engine)

    def since(self) -> int:
        batches, self.batches = self.batches, 0
        return batches


MANY = [f"text {number} of these" for number in range(10)]


def test_only_new_parts_are_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, counted = new_run(tmp_path), Counted(monkeypatch)
    write(run, list(MANY))
    STAGE.make(run)
    assert counted.since() == 4
    write(run, [*MANY, "more"])
    STAGE.make(run)
    assert counted.since() == 1
    STAGE.make(new_run(tmp_path, "{ngram: 2, threshold: 0.7, num_perm: 32, keep: longest}"))
    assert counted.since() == 0
    STAGE.make(new_run(tmp_path, "{ngram: 3, threshold: 0.5, num_perm: 32}"))
    assert counted.since() == 4


def test_damaged_signatures_are_said_and_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, counted = new_run(tmp_path), Counted(monkeypatch)
    write(run, [*MANY, MANY[0]])
    STAGE.make(run)
    sound = files(run)
    counted.since()
    first = min((run.path / "duplicates" / "cache" / "signatures").glob("*.parquet"))
    pl.read_parquet(first).reverse().with_columns(ngrams=1).write_parquet(first)
    with speaking(quiet=False):
        STAGE.make(run)
    assert files(run) == sound and counted.since() == 1
    assert "1 file was damaged" in " ".join(capsys.readouterr().err.split())
