"""Read a source's rows with the values of its mapped columns, block by block where blocks can be recognized."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from infogap.errors import InputError
from infogap.recipe.sources import RowSource, Source
from infogap.rows.column_paths import Unfound, is_found, is_template, value_of
from infogap.rows.column_templates import TemplateFailedError, rendered
from infogap.rows.row_blocks import RowBlock, read_blocks
from infogap.rows.row_files import Rows, Wanted
from infogap.rows.source_rows import JoinedRows, read_rows
from infogap.runs.run_folder import Run

Values = tuple[int, dict[str, Any], dict[str, Any]]
"""A row's number, its columns, and its value (or MISSING) for each field."""


@dataclass
class FieldRows:
    """A source's rows with the values of its mapped columns."""

    run: Run
    source: RowSource
    paths: dict[str, str]
    optional: frozenset[str] = frozenset()  # paths that no row need have
    whole: bool = False  # whether columns are wanted that no path leads into
    _unfound: dict[str, Unfound] = field(init=False)  # paths that no row has had yet
    _first: dict[str, Any] | None = None
    _skipped: bool = False

    def __post_init__(self) -> None:
        source = self.source
        self.joined = JoinedRows(self.run.base, source) if isinstance(source, Source) and source.join else None
        self._unfound = {path: Unfound(path) for path in sorted(set(self.paths.values()))}

    @property
    def missed(self) -> set[str]:
        """The paths that no row has had yet."""
        return set(self._unfound)

    def read(self) -> Iterator[Values]:
        """Yield every row's values.

        Raises InputError, after the last row, for a path that no row has or a template that no row fills.
        """
        if self.joined is not None:
            yield from self.values_of(self.joined.read())
        else:
            yield from self.values_of(read_rows(self.run.base, self.source, self._wanted))
        self._check_found()

    def blocks(self) -> Iterator[RowBlock]:
        """Yield the rows in blocks: `values_of` the rows of each is to be read, or the block skipped.

        Raises InputError as `read`. A source with a `join` is one block without a digest.
        """
        if self.joined is not None:
            yield RowBlock(1, None, None, self.joined.read)
        else:
            yield from read_blocks(self.run.base, self.source, self._wanted)
        self._check_found()

    def skip(self, found: Iterable[str]) -> None:
        """Take into account a block that is not read, and the paths that its rows are known to have."""
        self._skipped = True
        for path in found:
            self._unfound.pop(path, None)

    def values_of(self, rows: Rows, found: set[str] | None = None) -> Iterator[Values]:
        """Yield the values of some rows; `found` receives the paths that they have."""
        plain = {path for path in self.paths.values() if not is_template(path)}
        left = set() if found is None else set(self.paths.values())
        for number, row in rows:
            self._first = row if self._first is None else self._first
            values = {
                name: row[path] if path in plain and path in row else value_of(row, path)
                for name, path in self.paths.items()
            }
            if left or self._unfound:
                here = {path for name, path in self.paths.items() if is_found(values[name], path)}
                if found is not None:
                    found |= here
                    left -= here
                for path in here:
                    self._unfound.pop(path, None)
                for unfound in self._unfound.values():
                    if not is_template(unfound.path):
                        unfound.look(row)
            yield number, row, values

    @property
    def _wanted(self) -> Wanted | None:
        plain = sorted({path for path in self.paths.values() if not is_template(path)})
        everything = self.whole or len(plain) < len(set(self.paths.values()))
        return None if everything else Wanted(tuple(plain), self.optional)

    def _check_found(self) -> None:
        lacking = [unfound for path, unfound in self._unfound.items() if path not in self.optional]
        if lacking and self._skipped:  # what the skipped rows have instead is part of the message
            for _ in FieldRows(self.run, self.source, self.paths, self.optional, self.whole).read():
                pass
        if lacking and self._first is not None:
            raise self._error(lacking[0], self._first)

    def _error(self, unfound: Unfound, first: dict[str, Any]) -> InputError:
        if not is_template(unfound.path):
            return unfound.error(self.source.from_)
        try:
            rendered(first, unfound.path)
            why = "the result is empty"
        except TemplateFailedError as error:
            why = str(error)
        columns = ", ".join(first)
        return InputError(
            f"{self.source.from_}: no row fills the template {unfound.path!r}: {why}; its columns are {columns}"
        )


def no_rows(source: RowSource) -> str:
    """Say that a source is empty."""
    return f"{source.from_} has no rows"


def read_fields(run: Run, source: RowSource, paths: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield every row's number and its value (or MISSING) for each field of `paths`.

    Raises InputError, after the last row, for a path that no row has.
    """
    for number, _, values in FieldRows(run, source, paths).read():
        yield number, values
