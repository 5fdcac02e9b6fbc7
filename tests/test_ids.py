"""Ids depend on content alone."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from infogap.ids import derived_seed, file_digest, stable_id

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON, JSON)
def test_equal_content_has_equal_ids_and_other_content_others(one: object, other: object) -> None:
    assert stable_id(one) == stable_id(one)
    assert (stable_id(one, other) == stable_id(other, one)) == (one == other and type(one) is type(other))


def test_an_id_is_the_same_on_every_machine() -> None:
    assert stable_id("a", {"b": 1, "a": [None, 2.5]}) == stable_id("a", {"a": [None, 2.5], "b": 1})
    assert stable_id("a") == "0eb5b8d6f81bc677da8a"


@given(JSON)
def test_a_seed_fits_every_engine(value: object) -> None:
    assert 0 <= derived_seed(value) < 2**31


def test_a_file_is_known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
