"""What changed is said so that a person sees it."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.ids import digest
from infogap.runs.manifest import Manifest, changes, one_digest, read, with_known_digests, write

MADE = Manifest(
    stage="balance",
    version=5,
    fingerprint="f",
    part={"size": 3},
    inputs={"traces": "t"},
    rows=3,
    counts={"mixes": {"mix": {"size": 3}}},
    files={"mix/part-00000.parquet": {"sha256": "s", "bytes": 4}},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mix") / "manifest.json"


@given(key=st.sampled_from(sorted(Manifest.__dataclass_fields__)), value=JSON, signed=st.booleans())
def test_a_manifest_that_is_not_as_it_was_written_is_none(path: Path, key: str, value: Any, signed: bool) -> None:
    write(path, MADE)
    assert read(path) == MADE
    record = orjson.loads(path.read_bytes())
    expected = MADE if record[key] == value and type(record[key]) is type(value) else None
    path.write_bytes(orjson.dumps(record | {key: value}))
    assert read(path) == expected
    if not signed and key in ("counts", "files", "inputs", "part") and not isinstance(value, dict):
        del record["digest"]  # as manifests of earlier versions
        path.write_bytes(orjson.dumps(record | {key: value}))
        assert read(path) is None


def test_a_change_deep_in_a_manifest_is_noticed(path: Path) -> None:
    write(path, MADE)
    path.write_bytes(path.read_bytes().replace(b'"size": 3', b'"size": 4', 1))
    assert read(path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 5000, "\xff", '{"stage": 1}'])
def test_what_is_no_manifest_is_none(path: Path, text: str) -> None:
    path.write_text(text, encoding="latin-1")
    assert read(path) is None


def test_a_manifest_of_an_earlier_version_is_read(path: Path) -> None:
    write(path, MADE)
    record = orjson.loads(path.read_bytes())
    del record["digest"]
    path.write_bytes(orjson.dumps(record))
    assert read(path) == MADE


def test_a_digest_that_cannot_be_computed_counts_as_unchanged() -> None:
    before = {"import[0]": {"from": "a.jsonl", "sha256": "0" * 64, "join": None}}
    assert with_known_digests({"import[0]": {"from": "b.jsonl", "sha256": None, "join": None}}, before) == {
        "import[0]": {"from": "b.jsonl", "sha256": "0" * 64, "join": None}
    }
    assert with_known_digests({"size": None}, {"size": "large"}) == {"size": None}
    assert with_known_digests([None], ["1" * 64]) == ["1" * 64]


def test_of_several_files_each_has_its_digest() -> None:
    one, two, other = "1" * 64, "2" * 64, "3" * 64
    assert with_known_digests({"sha256": [None, two]}, {"sha256": [one, two]}) == {"sha256": [one, two]}
    assert changes({"sha256": [one, two]}, with_known_digests({"sha256": [None, other]}, {"sha256": [one, two]}))
    assert one_digest({"a": {"sha256": [one, two], "from": ["x", "y"]}, "b": [{"sha256": one}]}) == {
        "a": {"sha256": digest([one, two]), "from": ["x", "y"]},
        "b": [{"sha256": one}],
    }


def test_a_manifest_with_one_digest_for_several_files_is_not_stale() -> None:
    one, two = "1" * 64, "2" * 64
    before = {"sha256": digest([one, two])}
    assert with_known_digests({"sha256": [one, two]}, before) == before
    assert with_known_digests({"sha256": [one, None]}, before) == before  # nothing is known of the other
    assert with_known_digests({"sha256": [one, one]}, before) == {"sha256": [one, one]}


def test_changes_name_the_key_and_both_values() -> None:
    assert changes({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}) == ["a.b: 1 -> 3"]
    assert changes({"a": 1}, {}) == ["a: 1 -> null"]
    assert changes({"leaks": "0" * 64}, {"leaks": "1" * 64}) == ["leaks has changed"]


def test_long_lists_are_compared_item_by_item() -> None:
    long = [
        {"hint": {"fraction": 0.3}},
        "answer",
        "solution",
        "unguided",
        "decoy_answer",
        "decoy_solution",
        "irrelevant",
    ]
    assert changes({"p": long}, {"p": long[:-1]}) == ['p: without "irrelevant"']
    assert changes({"p": long}, {"p": [{"hint": {"fraction": 0.5}}, *long[1:]]}) == ["p[0].hint.fraction: 0.3 -> 0.5"]
    assert changes([1, 1], [1]) == [": 2 items -> 1 items"]
