"""A new card over the one on the Hub."""

from __future__ import annotations

import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub import RepoCard
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.publish.card_merge import merge_cards

OURS = """---
license: apache-2.0
pretty_name: ours
tags:
- reasoning
- infogap
configs:
- config_name: sft
dataset_info:
- config_name: sft
  dataset_size: 2
---

<!-- infogap: begin. -->
# New text
<!-- infogap: end -->
"""
THEIRS = """---
license: mit
pretty_name: theirs
tags:
- maths
- infogap
configs:
- config_name: old
dataset_info:
- config_name: old
  dataset_size: 1
annotations_creators:
- machine-generated
extra_gated_fields:
  Company: text
---

Read this first.

<!-- infogap: begin. -->
# Old text
<!-- infogap: end -->

## Errata
"""


def test_files_and_recipe_win_over_the_hub_and_the_hub_over_the_rest() -> None:
    data = RepoCard(merge_cards(OURS, THEIRS)).data
    assert data["configs"] == [{"config_name": "sft"}]
    assert data["dataset_info"] == [{"config_name": "sft", "dataset_size": 2}]
    assert data["license"] == "apache-2.0"
    assert data["pretty_name"] == "theirs"
    assert data["tags"] == ["maths", "infogap", "reasoning"]
    assert data["annotations_creators"] == ["machine-generated"]
    assert data["extra_gated_fields"] == {"Company": "text"}


def test_text_outside_the_marks_stays() -> None:
    text = merge_cards(OURS, THEIRS).split("---\n", 2)[2]
    assert "# New text" in text and "# Old text" not in text
    assert text.index("Read this first.") < text.index("# New text") < text.index("## Errata")


def test_a_card_that_infogap_did_not_write_is_kept_below() -> None:
    text = merge_cards(OURS, "---\nlicense: mit\n---\n# By hand\n")
    assert text.index("# New text") < text.index("# By hand")


def test_a_card_of_metadata_only_gets_our_text() -> None:
    merged = merge_cards(OURS, "---\nannotations_creators: [found]\n---\n")
    assert merged.endswith("<!-- infogap: end -->\n")
    assert "annotations_creators" in merged


@pytest.mark.parametrize("theirs", ["---\ntags: [unclosed\n---\n", "---\n- a list\n---\n"])
def test_invalid_metadata_on_the_hub_is_an_error(theirs: str) -> None:
    with pytest.raises(InputError, match="no valid metadata"):
        merge_cards(OURS, theirs)


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)


@given(st.dictionaries(st.from_regex(r"[a-z_]{3,9}", fullmatch=True), words | st.lists(words), max_size=4), words)
def test_merging_twice_changes_nothing_more(data: dict[str, object], text: str) -> None:
    theirs = f"---\n{yaml.safe_dump({'license': 'mit', **data}, allow_unicode=True)}---\n{text}\n"
    once = merge_cards(OURS, theirs)
    assert merge_cards(OURS, once) == once
