"""What docs/lexicons.md says of lexicons, tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infogap.measure.lexicon import Lexicon, load
from infogap.measure.marker_search import MarkerSearch

PAGE = (Path(__file__).parents[2] / "docs" / "lexicons.md").read_text("utf-8")


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Lexicon:
    path = tmp_path_factory.mktemp("lexicons") / "mine.yaml"
    (yaml,) = re.findall(r"```yaml\n(name: .*?)```", PAGE, re.DOTALL)
    path.write_text(yaml, "utf-8")
    return load(str(path), Path)


def test_the_example(mine: Lexicon) -> None:
    table = PAGE.partition("| text | markers |\n| --- | --- |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    assert len(rows) == 4
    for text, markers in rows:
        expected = [marker.strip() for marker in markers.split(",") if marker.strip()]
        assert [marker for _, _, marker in mine.spans(text)] == expected, text


def test_the_categories_are_described() -> None:
    own = load("infogap", Path)
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", PAGE, re.MULTILINE)
    assert [category for category, _ in rows] == list(dict.fromkeys(own.markers.values()))
    for category, examples in rows:
        for example in examples.split(", "):
            ((_, _, marker),) = own.spans(example if example[-1] != "，" else f"{example}我")
            assert own.markers[marker] == category, example


def test_the_lines_of_python() -> None:
    lexicon = load("infogap", Path)
    assert lexicon.spans("Wait, perhaps not.") == [(0, 4, "wait"), (6, 13, "perhaps")]
    assert "[(0, 4, 'wait'), (6, 13, 'perhaps')]" in PAGE
    assert MarkerSearch([lexicon]).spans(["one text", "and another: hmm."]) == [[[]], [[(13, 16, "hmm")]]]
    assert [marker for _, _, marker in lexicon.spans("不。等等，我错了")] == ["等等，", "我错了"]
    assert lexicon.spans("三角形等等，") == []
