"""Scored texts on disk: what was added is found again, after a kill too."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.gap import score_cache as store_module
from infogap.gap.score_cache import ScoredStore
from infogap.teachers.scorer import Scored

FLOATS = st.one_of(st.floats(-40, 0, width=32), st.just(math.nan))


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "TEXTS_PER_PART", 3)


def text(key: str, logprobs: list[float]) -> Scored:
    return Scored(key, list(range(len(logprobs))), logprobs, [2 * place for place in range(len(logprobs))])


@settings(max_examples=30)
@given(st.lists(st.lists(FLOATS, min_size=1, max_size=5), max_size=10))
def test_what_was_added_is_found_again(tmp_path_factory: pytest.TempPathFactory, every: list[list[float]]) -> None:
    folder = tmp_path_factory.mktemp("scored")
    texts = {f"k{number}": text(f"k{number}", logprobs) for number, logprobs in enumerate(every)}
    store = ScoredStore(folder)
    assert store.empty
    for scored in texts.values():
        store.add(scored)
    for again in (store, ScoredStore(folder)):
        assert again.missing([*texts, "other"]) == {"other"}
        found = again.get([*texts, "other"])
        assert found.keys() == texts.keys()
        for key, scored in texts.items():
            assert found[key].tokens.tolist() == list(scored.tokens)
            assert found[key].offsets.tolist() == list(scored.offsets)
            np.testing.assert_array_equal(found[key].logprobs, np.asarray(scored.logprobs, dtype=np.float32))
        assert again.empty == (not texts)


def test_texts_scored_before_there_were_ranks_lack_them_only_where_they_are_needed(tmp_path: Path) -> None:
    old = {"tokens": [0, 1], "logprobs": [-1.0, -2.0], "offsets": [0, 1]}
    pl.DataFrame(
        [{"key": key, **old} for key in "ab"],
        {"key": pl.String, "tokens": pl.List(pl.Int64), "logprobs": pl.List(pl.Float32), "offsets": pl.List(pl.Int64)},
    ).write_parquet(tmp_path / "part-00000.parquet")
    (tmp_path / "journal.jsonl").write_bytes(orjson.dumps({"key": "c", **old}) + b"\n")
    store = ScoredStore(tmp_path)
    assert store.missing("abcd") == {"d"}
    assert store.missing("abcd", ranked="acd") == {"a", "c", "d"}
    assert store.get("abc")["c"].ranks is None
    for key in "ac":
        store.add(Scored(key, [0, 1], [-1.5, -2.0], [0, 1], ranks=[3, 7]))
    store.add(Scored("d", [0], [-1.0], [0]))  # of a model that gives none
    for again in (store, ScoredStore(tmp_path)):
        assert again.missing("abcd", ranked="acd") == set()
        assert again.missing("abcd", ranked="b") == {"b"}
        found = again.get("abcd")
        ranks = {key: None if text.ranks is None else text.ranks.tolist() for key, text in found.items()}
        assert ranks == {"a": [3, 7], "b": None, "c": [3, 7], "d": None}
        assert found["c"].logprobs.tolist() == [-1.5, -2.0]


def test_a_line_torn_by_a_kill_is_scored_again(tmp_path: Path) -> None:
    store = ScoredStore(tmp_path)
    store.add(text("a", [-1.0]))
    store.add(text("b", [-2.0]))
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-5])
    again = ScoredStore(tmp_path)
    assert again.missing(["a", "b"]) == {"b"}
    again.add(text("b", [-2.0]))
    assert ScoredStore(tmp_path).missing(["a", "b"]) == set()


def test_a_kill_between_part_and_journal_does_no_harm(tmp_path: Path) -> None:
    store = ScoredStore(tmp_path)
    for key in "ab":
        store.add(text(key, [-1.0]))
    journal = (tmp_path / "journal.jsonl").read_bytes()
    store.add(text("c", [-1.0]))
    assert not (tmp_path / "journal.jsonl").exists()
    (tmp_path / "journal.jsonl").write_bytes(journal)
    again = ScoredStore(tmp_path)
    assert again.missing("abc") == set()
    assert again.get("abc").keys() == {"a", "b", "c"}
    again.add(text("d", [-3.0]))
    assert ScoredStore(tmp_path).get("abcd").keys() == {"a", "b", "c", "d"}
