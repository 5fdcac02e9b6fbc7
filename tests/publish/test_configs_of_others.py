"""A published config of another package: the one that docs/extending.md shows, installed, published and loaded."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import polars as pl
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard

from infogap import plugins
from infogap.errors import InputError
from infogap.publish import STAGE, Config
from infogap.publish.diff import difference
from infogap.recipe.publish_section import Publish
from infogap.runs.manifest import changes
from infogap.schema import MIX, TRACES
from publish.small_run import RECIPE, Build

SECTION = (Path(__file__).parents[2] / "docs" / "extending.md").read_text().split("## A published config\n")[1]
SECTION = SECTION.split("\n## ")[0]
CODE, PROJECT = (re.findall(rf"```{kind}.*?\n(.*?)```", SECTION, re.DOTALL)[0] for kind in ("python", "toml"))
WITH_SHORTEST = RECIPE.replace("version: 0.1.0}", "version: 0.1.0, configs: [sft, shortest]}")
Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs the package of the documentation into a folder on the path; `version` and its code may be others."""
    project = tomllib.loads(PROJECT)["project"]
    (group,) = project["entry-points"]
    folder = tmp_path / "site"
    info = folder / f"{project['name'].replace('-', '_')}.dist-info"
    info.mkdir(parents=True)

    def installed(version: str = project["version"], code: str = CODE) -> None:
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n")
        entries = "".join(f"{name} = {place}\n" for name, place in project["entry-points"][group].items())
        (info / "entry_points.txt").write_text(f"[{group}]\n{entries}")
        (folder / "shortest_traces.py").write_text(code)
        forget()

    def forget() -> None:
        plugins._registered.cache_clear()
        plugins._loaded.cache_clear()
        sys.modules.pop("shortest_traces", None)

    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the same second's code would be taken for the former
    yield installed
    forget()


def test_it_takes_25_lines_and_loads_like_our_own(install: Install, build: Build, tmp_path: Path) -> None:
    assert len(CODE.splitlines()) <= 25
    install()
    run = build(recipe=WITH_SHORTEST)
    outcome = STAGE.make(run)
    rows = load_dataset(str(run.path / "dataset"), "shortest", split="train", cache_dir=str(tmp_path)).to_polars()
    selected = run.scan(MIX).filter("selected").join(run.scan(TRACES), on="trace_id").collect()
    assert outcome.counts["shortest"]["rows"] == rows.height == selected["task_id"].n_unique()
    fewest = dict(selected.group_by("task_id").agg(pl.col("completion_tokens").min()).iter_rows())
    assert dict(rows.select("task_id", "tokens").iter_rows()) == fewest
    text = (run.path / "dataset" / "README.md").read_text()
    tokens = rows["tokens"].sum()
    assert f"| `shortest` | 6 | {tokens} | the shortest trace of each task of the mix |" in text
    assert "| `tokens` | `int64` | length of `response` with its reasoning, by the teacher's tokenizer |" in text
    assert "In `sft`, `messages`" in text
    assert difference(run.path, run.path).configs["shortest"] == {"both": 6, "only_first": 0, "only_second": 0}


def test_an_upgrade_of_its_package_makes_the_dataset_anew(install: Install, build: Build) -> None:
    install()
    with_it, without = build("one", recipe=WITH_SHORTEST), build("other")
    part, others = STAGE.part(with_it), STAGE.part(without)
    install(version="1.1")
    assert changes(part, STAGE.part(with_it)) == ['libraries.shortest-traces: "1.0" -> "1.1"']
    assert STAGE.part(without) == others


def test_rows_that_do_not_have_its_features_name_the_config(install: Install, build: Build) -> None:
    install(code=CODE.replace("select(FEATURES.names())", 'select("task_id")'))
    with pytest.raises(InputError, match="the rows of the config `shortest` do not match its features"):
        STAGE.make(build(recipe=WITH_SHORTEST))


def test_without_rows_the_others_are_written_without_it(install: Install, build: Build) -> None:
    install(code=CODE.replace(".collect()", ".collect().clear()"))
    run = build(recipe=WITH_SHORTEST)
    outcome = STAGE.make(run)
    assert (outcome.shortfall or "").startswith("nothing to publish as `shortest`: it has no rows")
    dataset = run.path / "dataset"
    assert list(outcome.counts) == [folder.name for folder in (dataset / "data").iterdir()] == ["sft"]
    card = DatasetCard.load(dataset / "README.md").data.to_dict()
    assert [entry["config_name"] for entry in card["configs"]] == ["sft"]
    assert "shortest" not in {
        path.split("/")[1] for path in orjson.loads((dataset / "infogap.json").read_bytes())["files"]
    }


def test_privileged_text_is_said(install: Install, build: Build) -> None:
    install(code=CODE.replace("    rows=rows,", '    rows=rows,\n    privileged="every hint",'))
    outcome = STAGE.make(build(recipe=WITH_SHORTEST))
    assert "the config `shortest` publishes every hint" in outcome.notes


def test_what_nobody_asked_for_by_name_is_never_published() -> None:
    own = [plugins.load("configs", name) for name in plugins.names("configs")]
    assert all(isinstance(config, Config) for config in own)
    by_default = [config for config in own if config.name in Publish().configs]
    assert by_default and not any(config.privileged for config in by_default)


ONLY_ONE = """
from dataclasses import replace
from infogap.publish.configs.{module} import {base}

SHORTEST = replace(
    {base},
    name="shortest",
    rows=lambda run, mix: [frame.head(1) for frame in {base}.as_asked({base}, run).rows(run, mix)],
)
"""


@pytest.mark.parametrize(
    ("module", "base", "settings"),
    [
        ("sft", "SFT", "thinking: field"),
        ("rl", "RL", "rl: {repeat_to: 12}"),
        ("traces", "EVERY_TRACE", "leaking_text: true"),
        ("preference", "PREFERENCE", "thinking: drop"),
    ],
)
def test_a_config_made_of_ours_keeps_its_own_rows(
    install: Install, build: Build, module: str, base: str, settings: str
) -> None:
    install(code=ONLY_ONE.format(module=module, base=base))
    configs = {"rl": "[shortest, rl]", "preference": "[shortest, preference]"}.get(module, "[shortest]")
    recipe = RECIPE.replace("version: 0.1.0}", f"version: 0.1.0, configs: {configs}, {settings}}}")
    assert STAGE.make(build(recipe=recipe)).counts["shortest"]["rows"] == 1
