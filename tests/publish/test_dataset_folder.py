"""The folder that goes to the Hub: what is in it, and that `datasets` loads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard

from infogap.errors import ShortfallError
from infogap.publish import STAGE
from infogap.publish.configs.sft import SFT
from infogap.publish.configs.traces import EVERY_TRACE
from infogap.publish.parquet_shards import write_config
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TRACES, VERDICTS, features
from infogap.verify import STAGE as VERIFY
from publish.small_run import IMPORT_RECIPE, LEAK, SECRET, Build


def load(run: Run, config: str | None, cache: Path) -> Any:
    return load_dataset(str(run.path / "dataset"), config, split="train", cache_dir=str(cache))


def all_bytes(run: Run) -> dict[str, bytes]:
    folder = run.path / "dataset"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_sft_holds_the_mix_with_the_students_prompt(build: Build, tmp_path: Path) -> None:
    run = build()
    outcome = STAGE.make(run)
    rows = load(run, "sft", tmp_path)
    assert rows.features == features(SFT.columns(run))
    selected = run.scan(MIX).filter("selected").collect()["trace_id"].sort().to_list()
    assert rows["trace_id"][:] == selected
    assert outcome.counts["sft"]["rows"] == len(selected)
    by_id = {row["trace_id"]: row for row in run.scan(TRACES).collect().iter_rows(named=True)}
    for row in rows:
        user, assistant = row["messages"]
        number = row["task_id"].removeprefix("task")
        assert user == {"role": "user", "content": f"What is {number} + 2?\n\nEnd with the answer in \\boxed{{}}."}
        trace = by_id[row["trace_id"]]
        thought = f"<think>\n{trace['reasoning']}\n</think>\n\n" if trace["reasoning"] else ""
        assert assistant == {"role": "assistant", "content": thought + trace["response"]}
        assert row["privilege"] == trace["privilege"]
        assert row["teacher"] == "Teacher-8B"
    assert any("<think>" in row["messages"][1]["content"] for row in rows)
    assert any("<think>" not in row["messages"][1]["content"] for row in rows)


def test_traces_holds_every_trace_with_everything_measured(build: Build, tmp_path: Path) -> None:
    run = build()
    STAGE.make(run)
    rows = load(run, "traces", tmp_path)
    assert rows.features == features(EVERY_TRACE.columns(run))
    frame = rows.to_polars()
    assert frame["trace_id"].to_list() == run.scan(TRACES).collect()["trace_id"].sort().to_list()
    assert frame["selected"].sum() == 18
    assert frame["duplicate_of"].count() == 1
    assert frame["source"].unique().to_list() == ["sums.jsonl"]
    failed = frame.filter(finish_reason="error")
    assert failed.height == 1 and failed["verdict"].to_list() == [None]
    leaked = frame.filter("leak")
    assert leaked["leaks"].to_list() == [[{key: LEAK[key] for key in LEAK if key != "evidence"}]]
    assert leaked.select("reasoning", "response", "extracted_answer").row(0) == (None, "", None)


def test_the_first_config_is_the_default(build: Build, tmp_path: Path) -> None:
    run = build()
    STAGE.make(run)
    assert load(run, None, tmp_path).features == features(SFT.columns(run))


def test_neither_contexts_nor_machines_are_published(build: Build, tmp_path: Path) -> None:
    run = build()
    STAGE.make(run)
    texts = [content.decode() for path, content in all_bytes(run).items() if not path.endswith(".parquet")]
    texts += [load(run, config, tmp_path).to_polars().write_json() for config in ("sft", "traces")]
    for text in texts:
        for secret in (SECRET, "secret-folder", "gpu-node-17", "MY_PRIVATE_KEY", "/models", str(run.path)):
            assert secret not in text
    parquet = b"".join(content for path, content in all_bytes(run).items() if path.endswith(".parquet"))
    assert str(run.path).encode() not in parquet


@pytest.mark.parametrize("graded_by", ["now", "an earlier version"])
def test_why_a_request_failed_is_not_published(build: Build, tmp_path: Path, graded_by: str) -> None:
    run = build()
    if graded_by == "now":
        VERIFY.make(run)
    else:
        failed = run.scan(TRACES).filter(pl.col("error").is_not_null()).collect().row(0, named=True)
        verdict = {"verdict": "ungradable", "detail": f"request failed: {failed['error']}"}
        with run.rewrite(VERDICTS) as out:
            out.write(VERDICTS.frame([dict.fromkeys(VERDICTS.schema) | {"trace_id": failed["trace_id"]} | verdict]))
    assert run.scan(VERDICTS).filter(verdict="ungradable").collect().height == 1
    STAGE.make(run)
    for path, content in all_bytes(run).items():
        text = pl.read_parquet(content).write_json() if path.endswith(".parquet") else content.decode()
        assert "gpu-node-17" not in text, path


def test_the_same_tables_give_the_same_bytes_wherever_and_in_whatever_order(build: Build) -> None:
    one, other = build("one"), build("other", reverse=True)
    STAGE.make(one)
    STAGE.make(other)
    assert one.scan(TRACES).collect()["trace_id"].to_list() != other.scan(TRACES).collect()["trace_id"].to_list()
    assert all_bytes(one) == all_bytes(other)


def test_shards_cut_the_sorted_rows(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build()
    rows = EVERY_TRACE.rows(run, run.scan(MIX).collect())

    def in_train(frames: Iterable[pl.DataFrame]) -> Iterator[tuple[str, pl.DataFrame]]:
        return (("train", frame) for frame in frames)

    whole = write_config(EVERY_TRACE, EVERY_TRACE.columns(run), in_train(rows), tmp_path / "whole")
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", 20)
    cut = write_config(EVERY_TRACE, EVERY_TRACE.columns(run), in_train(rows), tmp_path / "cut")
    assert len(whole.shards) == 1 and len(cut.shards) > 3
    assert [shard.path for shard in cut.shards] == [
        f"data/traces/train-{index:05d}-of-{len(cut.shards):05d}.parquet" for index in range(len(cut.shards))
    ]
    pieces = [pl.read_parquet(tmp_path / "cut" / shard.path) for shard in cut.shards]
    assert [piece.height for piece in pieces] == [shard.rows for shard in cut.shards]
    assert pl.concat(pieces).equals(pl.read_parquet(tmp_path / "whole" / whole.shards[0].path))
    assert not list(run.path.glob(".publish*"))


def test_sharded_folders_load(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build()
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", 20)
    STAGE.make(run)
    assert len(list((run.path / "dataset/data/sft").iterdir())) > 1
    assert load(run, "sft", tmp_path).num_rows == 18


def test_the_cards_metadata_agrees_with_the_files(build: Build, tmp_path: Path) -> None:
    run = build()
    STAGE.make(run)
    card = DatasetCard.load(run.path / "dataset" / "README.md").data
    assert card.license == "apache-2.0" and card.language == ["en"]
    assert card.size_categories == ["n<1K"]
    assert [entry["config_name"] for entry in card["configs"]] == ["sft", "traces"]
    for info in card["dataset_info"]:
        loaded = load(run, info["config_name"], tmp_path)
        files = (run.path / "dataset" / "data" / info["config_name"]).iterdir()
        assert info["download_size"] == sum(path.stat().st_size for path in files)
        assert info["splits"][0]["num_examples"] == loaded.num_rows
        assert info["dataset_size"] == info["splits"][0]["num_bytes"]
        assert info["dataset_size"] == pytest.approx(loaded.data.nbytes, rel=0.1)  # null masks are padded differently


def test_provenance_names_recipe_files_and_mix(build: Build) -> None:
    run = build()
    STAGE.make(run)
    told = orjson.loads((run.path / "dataset" / "infogap.json").read_bytes())
    assert told["fingerprints"]["verdicts"] == "verdicts-print"
    assert told["recipe"]["balance"]["size"] == 10
    assert told["mixes"]["mix"]["size"] == {"target": 10, "achieved": 18}
    shares = {
        share["value"]: (share["target"], share["target_count"], share["count"])
        for share in told["mixes"]["mix"]["axes"]["verdict"]
    }
    assert shares == {"correct": (0.75, 8, 9), "wrong": (0.25, 2, 9)}
    assert told["libraries"]["polars"] == pl.__version__
    assert set(told["files"]) == {f"data/{name}/train-00000-of-00001.parquet" for name in ("sft", "traces")}


def test_imported_traces_have_only_the_question_as_prompt(build: Build, tmp_path: Path) -> None:
    run = build(recipe=IMPORT_RECIPE)
    outcome = STAGE.make(run)
    assert load(run, "sft", tmp_path)[0]["messages"][0]["content"].endswith(" + 2?")
    assert any("only the questions" in note for note in outcome.notes)
    assert "The prompt is only the question:" in (run.path / "dataset" / "README.md").read_text()


def test_of_an_empty_mix_what_does_not_depend_on_it_is_published(build: Build) -> None:
    run = build()
    with run.rewrite(MIX) as out:
        out.write(MIX.empty())
    outcome = STAGE.make(run)
    assert "has no traces" in (outcome.shortfall or "")
    assert [folder.name for folder in (run.path / "dataset" / "data").iterdir()] == ["traces"]


def test_where_every_config_is_empty_the_old_folder_stays(build: Build) -> None:
    run = build()
    STAGE.make(run)
    before = all_bytes(run)
    with run.rewrite(MIX) as out:
        out.write(MIX.empty())
    publish = run.recipe.publish.model_copy(update={"configs": ["sft"]})
    with pytest.raises(ShortfallError, match="has no traces"):
        STAGE.make(Run(run.path, run.recipe.model_copy(update={"publish": publish}), run.base))
    assert all_bytes(run) == before


def test_moving_the_repository_makes_nothing_anew_but_a_version_does(build: Build) -> None:
    run = build()
    part = STAGE.part(run)
    recipe = run.recipe

    def with_publish(**changes: object) -> Run:
        publish = recipe.publish.model_copy(update=changes)
        return Run(run.path, recipe.model_copy(update={"publish": publish}), run.base)

    assert STAGE.part(with_publish(repo="other/place", private=True)) == part
    assert STAGE.part(with_publish(version="0.2.0")) != part


def test_other_fingerprints_and_other_libraries_make_the_folder_anew(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build()
    part = STAGE.part(run)
    assert STAGE.part(run) == part
    path = run.manifest_path(MIX.name)
    found = run.manifest(MIX.name)
    assert found is not None
    manifest.write(path, replace(found, fingerprint="made by other settings with the same result"))
    assert manifest.changes(part, STAGE.part(run)) == [
        'fingerprints.mix: "mix-print" -> "made by other settings with the same result"'
    ]
    manifest.write(path, found)
    monkeypatch.setattr("infogap.publish.made_from._installed", lambda _name: "99.0")
    assert {line.split(".")[0] for line in manifest.changes(part, STAGE.part(run))} == {"libraries"}
