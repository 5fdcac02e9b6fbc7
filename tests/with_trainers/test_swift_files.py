"""ms-swift's preprocessor keeps every row and column of its files."""

from __future__ import annotations

from typing import Any

import pytest
from datasets import load_dataset

from with_trainers.conftest import Export, inline

FORMS = ("ms-swift", "ms-swift-dpo", "ms-swift-kto", "ms-swift-opsd")


@pytest.mark.parametrize("form", FORMS)
def test_its_preprocessor_keeps_what_is_written(exported: Export, tmp_path: Any, form: str) -> None:
    from swift.dataset.preprocessor.core import AutoPreprocessor

    rows = load_dataset("json", data_files=str(exported(form)), split="train", cache_dir=str(tmp_path))
    read = AutoPreprocessor()(rows, strict=True, load_from_cache_file=False)
    assert len(read) == len(rows) > 1
    column = {"ms-swift-dpo": "rejected_response", "ms-swift-kto": "label", "ms-swift-opsd": "teacher_prompt"}.get(form)
    for before, after in zip(rows, read, strict=True):
        assert after["messages"] == before["messages"]
        assert column is None or after[column] == before[column] is not None


def test_of_two_attempts_the_wrong_one_has_no_loss(exported: Export, tmp_path: Any) -> None:
    from swift.dataset.preprocessor.core import AutoPreprocessor

    file = str(exported("ms-swift-recovery"))
    rows = load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path))
    read = AutoPreprocessor()(rows, strict=True, load_from_cache_file=False)
    assert len(read) == 3
    for row in read:
        assert [turn.get("loss") for turn in row["messages"]] == [None, 0.0, None, 1.0]


def test_a_thought_is_in_what_it_reads(
    exported: Export, tmp_path: Any, written: dict[str, tuple[str, str, str]]
) -> None:
    rows = load_dataset("json", data_files=str(exported("ms-swift")), split="train", cache_dir=str(tmp_path))
    for row in rows:
        prompt, thought, response = written[row["trace_id"]]
        assert [each["content"] for each in row["messages"]] == [prompt, inline(thought, response)]
