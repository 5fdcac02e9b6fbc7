"""The tables' columns in Polars and in datasets say the same."""

import re
from pathlib import Path

import polars as pl
import pytest

from infogap.schema import MEASURES, TABLES, Table, features


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_features_are_the_polars_columns(table: Table) -> None:
    arrow = features(table.schema).arrow_schema
    declared = table.empty().to_arrow().schema
    assert arrow.names == declared.names
    for field in arrow:
        # Polars writes large strings and lists; the logical types are the same.
        as_polars = pl.from_arrow(arrow.empty_table())
        assert isinstance(as_polars, pl.DataFrame)
        assert as_polars.schema[field.name] == table.schema[field.name]


def test_a_row_of_another_type_is_refused() -> None:
    row = dict.fromkeys(MEASURES.schema.names())
    with pytest.raises((TypeError, pl.exceptions.PolarsError)):
        MEASURES.frame([row | {"words": "many"}])


def test_columns_are_explained_in_the_same_words_everywhere() -> None:
    """The card takes them from the tables; the page may go on after them."""
    text = (Path(__file__).parents[1] / "docs" / "tables.md").read_text()
    compared = 0
    for table in TABLES.values():
        assert table.meanings.keys() == table.schema.keys() and all(table.meanings.values())
        (section,) = re.findall(rf"^## {table.name}, by .*?(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
        columns = section.partition("| column | meaning |\n")[2].partition("\n\n")[0]
        for name, said in re.findall(r"^\| `(\w+)` \| (.*) \|$", columns, re.MULTILINE):
            plain = re.sub(r" \(\[[^]]*\]\([^)]*\)\)", "", said)  # without references in parentheses
            plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", plain)
            assert plain.startswith(table.meanings[name]), f"{table.name}.{name}"
            compared += 1
    assert compared > 50


def test_every_column_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "tables.md").read_text()
    for table in TABLES.values():
        (section,) = re.findall(rf"^## {table.name}, by .*?(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
        assert [name for name in table.schema.names() if f"`{name}`" not in section] == []
