"""The page that compares two runs or datasets."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from cli.in_process import infogap
from infogap.errors import InputError
from infogap.report.comparison_page import EffectRow, RecordedEstimate, comparison_page, effect_tables
from runs.pipeline_end import ending_with

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three runs: `a`; `b`, the same traces in another mix; `c`, longer traces under `solution`."""
    folder = tmp_path_factory.mktemp("comparison")
    shutil.copytree(RECIPES, folder / "recipes")
    recipe = folder / "recipes" / "import-traces.yaml"
    with ending_with("infogap.publish"):
        made = [infogap("run", recipe, "--run", "a", "-q", cwd=folder)]
        shares = "balance.band={uncertain: 0.8, confident: 0.2}"
        made.append(infogap("run", recipe, "--run", "b", "--set", shares, "-q", cwd=folder))
    data = folder / "recipes" / "data" / "traces.jsonl"
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    for row in rows:
        if row["condition"] == "solution":
            row["generations"] = [f"Wait, let me check that once more, perhaps it is wrong. {row['generations'][0]}"]
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with ending_with("infogap.publish"):
        made.append(infogap("run", recipe, "--run", "c", "-q", "--set", "balance.band=null", cwd=folder))
    assert [done.returncode for done in made] == [0, 0, 0], made[-1].stderr
    return folder


def words_of(page: str) -> str:
    """The text of a page, white space reduced."""
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def test_effects_are_side_by_side_with_their_intervals(folder: Path) -> None:
    page, differences = comparison_page(folder / "a", folder / "c")
    assert not differences.same
    text = words_of(page)
    recorded = {name: json.loads((folder / name / "dataset" / "infogap.json").read_text())["effects"] for name in "ac"}
    for name, mark in (("a", "●"), ("c", "■")):
        for row in recorded[name]:
            estimate = RecordedEstimate.of(row)
            assert estimate is not None
            assert f"{mark} {estimate.text}" in text
    assert "Length: tokens, or words where tokens are not known" in text
    assert re.search(r"solution - unguided ● -2[\d.]+ \(-2[^;]*; 10 tasks\) ■ -[^;]*; 10 tasks\) apart", text)


def test_one_set_of_traces_in_two_mixes(folder: Path) -> None:
    done = infogap("report", "a", "b", "--to", "page.html", cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "page.html").read_text()
    text = words_of(page)
    assert "the same traces, " in text and "rows chosen otherwise" in text
    assert "balance.band.uncertain: 0.5 -> 0.8" in text
    for band in ("uncertain", "confident"):
        shown = []
        for name in "ab":
            made = json.loads((folder / name / "dataset" / "infogap.json").read_text())
            counts = {each["value"]: each["count"] for each in made["mixes"]["mix"]["axes"]["band"]}
            shown.append(f"{counts[band]} {100 * counts[band] / sum(counts.values()):.0f} %")
        assert f"{band} {' '.join(shown)}" in text


def test_a_run_and_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    done = infogap("report", "a", "a/dataset", "--json", cwd=folder)
    assert json.loads(done.stdout) == {"page": "comparison.html", "same": True, "in_short": "the same dataset"}
    page = (folder / "comparison.html").read_text()
    assert "the same dataset : the same recipe, and the same rows with the same contents" in words_of(page)
    assert "apart</td>" not in page and ">overlapping</td>" not in page
    assert page == comparison_page(Path("a"), Path("a/dataset"))[0]


def test_the_page_needs_nothing_else_and_shows_names_as_text(folder: Path, tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>\x1b\u202e'
    shutil.copytree(folder / "a" / "dataset", tmp_path / "b")
    made = json.loads((tmp_path / "b" / "infogap.json").read_text())
    for row in made["effects"]:
        row["privilege"] = hostile
    made["mixes"]["mix"]["axes"]["band"][0]["value"] = hostile
    (tmp_path / "b" / "infogap.json").write_text(json.dumps(made))
    page, _ = comparison_page(folder / "a", tmp_path / "b")
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r"""(?:src|href)=|url\(|@import|https?://""", page) == []
    assert "default-src 'none'" in page


def test_a_dataset_without_recorded_effects_says_so(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "a" / "dataset", tmp_path / "old")
    made = json.loads((tmp_path / "old" / "infogap.json").read_text())
    del made["effects"], made["statistics"]
    (tmp_path / "old" / "infogap.json").write_text(json.dumps(made))
    text = words_of(comparison_page(tmp_path / "old", folder / "a")[0])
    assert "A recorded no effects" in text
    assert "only in B" in text


def test_what_is_no_dataset_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="holds no dataset that infogap made"):
        comparison_page(folder / "a", folder / "empty")
    done = infogap("report", "a", "--to", "x.html", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--to is for a comparison")


def effect(low: float | None, high: float | None, **other: Any) -> dict[str, Any]:
    return {
        "teacher": "t",
        "privilege": "answer",
        "of": "score",
        "against": "unguided",
        "tasks": 9,
        "mean": 0.5,
        "low": low,
        "high": high,
    } | other


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (effect(0.1, 0.2), effect(0.1, 0.2), "the same"),
        (effect(0.1, 0.2), effect(0.3, 0.4), "apart"),
        (effect(0.3, 0.4), effect(0.1, 0.2), "apart"),
        (effect(0.1, 0.3), effect(0.3, 0.4), "overlapping"),
        (effect(None, None), effect(0.3, 0.4), "without two intervals"),
        (effect(0.1, 0.2), None, "only in A"),
        (None, effect(0.1, 0.2), "only in B"),
    ],
)
def test_what_two_intervals_say(first: dict[str, Any] | None, second: dict[str, Any] | None, says: str) -> None:
    assert EffectRow("x", RecordedEstimate.of(first), RecordedEstimate.of(second)).says == says


def test_a_quantity_is_drawn_to_one_scale() -> None:
    rows = [effect(-1.0, 1.0, mean=0.0), effect(2.0, 4.0, mean=3.0, privilege="solution")]
    (table,) = effect_tables(rows, [effect(None, None, mean=None)])
    marks = [table.mark(row.first) for row in table.rows]
    assert marks[0] is not None and marks[1] is not None
    assert marks[0].low == table.x(-1.0) < table.x(0) == marks[0].mean < table.x(4.0) == marks[1].high
    assert table.mark(table.rows[0].second) is None and table.mark(table.rows[1].second) is None


def test_several_teachers_are_named() -> None:
    (table,) = effect_tables([effect(0.1, 0.2)], [effect(0.1, 0.2, teacher="other")])
    assert [row.name for row in table.rows] == ["answer - unguided, t", "answer - unguided, other"]
