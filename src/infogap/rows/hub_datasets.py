"""Read the rows of anything that `datasets.load_dataset` can load, from the Hub or a local folder."""

from __future__ import annotations

import logging
from typing import Any

from infogap.console import output
from infogap.errors import ExternalError, InputError
from infogap.rows.arrow_rows import rows_of
from infogap.rows.row_files import Rows, Wanted, needed

_BATCH = 256


def read_rows(
    path: str, name: str, config: str | None, split: str, revision: str | None, wanted: Wanted | None
) -> Rows:
    """Yield a dataset's rows, numbered from 1, with the wanted columns (None: all).

    `name` is its name in messages. Raises InputError where there is no such dataset, configuration,
    split or revision, ExternalError where it cannot be fetched.
    """
    dataset = _load(path, name, config, split, revision)
    columns = needed(dataset.column_names, name, wanted)
    number = 0
    for batch in dataset.select_columns(columns).with_format("arrow").iter(batch_size=_BATCH):
        for row in rows_of(batch):
            number += 1
            yield number, row


def _load(path: str, name: str, config: str | None, split: str, revision: str | None) -> Any:
    import datasets
    from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError

    if output.quiet:
        datasets.disable_progress_bars()
        logging.getLogger("datasets").setLevel(logging.ERROR)
    try:
        return datasets.load_dataset(path, name=config, split=split, revision=revision)
    except (DatasetNotFoundError, FileNotFoundError, ValueError) as error:  # EmptyDatasetError is a FileNotFoundError
        raise InputError(f"{name}: {_line(error)}") from error
    except DatasetGenerationError as error:
        raise InputError(f"{name}: its files cannot be read as one table: {_line(error.__cause__ or error)}") from error
    except OSError as error:  # no connection, a server's error, a full disk
        raise ExternalError(f"cannot fetch the dataset {name}: {_line(error)}; run the same command again") from error


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
