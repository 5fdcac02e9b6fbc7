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


def test_every_column_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "tables.md").read_text()
    for table in TABLES.values():
        (section,) = re.findall(rf"^## {table.name}, by .*?(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
        assert [name for name in table.schema.names() if f"`{name}`" not in section] == []
