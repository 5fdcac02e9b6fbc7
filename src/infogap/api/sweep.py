"""Run a grid of recipes, sharing what they have in common, and compare the results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infogap.bucket.addresses import refuse_address
from infogap.console import say, speaking
from infogap.errors import ExternalError, InputError, ShortfallError, StoppedError

if TYPE_CHECKING:
    import polars as pl

    from infogap.recipe import LoadedRecipe, RecipeText
    from infogap.runs.run_folder import Run
    from infogap.sweeps.comparison import Row
    from infogap.sweeps.grid import Cell, Settings


def sweep(
    recipe: str | Path | Mapping[str, Any],
    settings: Mapping[str, Any],
    folder: str | Path | None = None,
    *,
    quiet: bool = False,
) -> pl.DataFrame:
    """Run a recipe for every combination of settings, and compare the results.

    Each cell of the grid is a run in a folder of its own. Work that two cells have in common is done once: a stage runs
    once, a request is sent once. Call it again to continue: finished cells are left alone.

    Args:
        recipe: A YAML file, or the same as a dict, as for `Run.create`.
        settings: Keys of the recipe with their values: `{"balance.size": [100, 500], "generate.samples": [4, 8]}`. A
            value that is not a list applies to all cells.
        folder: Where the runs and the comparison (sweep.csv, sweep.json) are kept; by default `sweeps/NAME`.
        quiet: Print nothing.

    Returns:
        A row per cell, or several for one that names several mixes, the last setting changing fastest: the settings
        that vary; `cell`, the run's folder; `mix_name`, if a recipe names mixes; `state`, which is `done` or `short`
        (of its target); `traces`, `failed`, `accuracy`, `density` (per 1,000 of
        `density_per`), `leak_rate` and completion `tokens` of all traces; the size of the `mix`, its `target` and
        whether every target was `met`; `mix_tasks`, `mix_families`, `mix_tokens`, `mix_accuracy`, `mix_density` and
        `mix_leak_rate`, the same of the mix; and `shortfall`, a text. Values that were not made or measured are null.

    Raises:
        RecipeError: A recipe of the grid is wrong. It lists the problems of all, and nothing is run.
        InputError: A setting has no values, two cells have the same recipe, or the folder holds something else.
        ExternalError: A server or the disk failed; call it again to continue.
        StoppedError: Ctrl-C was pressed; call it again to continue.
    """
    from infogap.sweeps.comparison import comparison
    from infogap.sweeps.grid import settings_of

    named = recipe if isinstance(recipe, Mapping) else Path(recipe)
    opened = Sweep(named, settings_of(settings), None if folder is None else Path(folder))
    with speaking(quiet=quiet):
        opened.update()
    return comparison(opened.cells, opened.rows)


class Sweep:
    """A checked grid and the folder of its runs."""

    def __init__(self, recipe: Path | RecipeText | Mapping[str, Any], settings: Settings, folder: Path | None) -> None:
        """Check every recipe of the grid; nothing is written. Raises InputError as `sweep`."""
        refuse_address(folder, "--run")
        from infogap.sweeps.comparison import missing_row
        from infogap.sweeps.grid import grid, refuse_equal_recipes

        self.cells = grid(settings)
        self._settings = settings
        self._loaded = _checked(recipe, self.cells)
        refuse_equal_recipes(self.cells, [loaded.recipe for loaded in self._loaded])
        self._name = self._loaded[0].recipe.name
        self.folder = folder or Path("sweeps") / self._name
        self._rows: list[list[Row]] = [[missing_row(cell)] for cell in self.cells]
        _refuse_other_content(self.folder)

    @property
    def rows(self) -> list[Row]:
        """The results of each cell's mixes, in the grid's order; one row for a cell that is missing."""
        return [row for rows in self._rows for row in rows]

    def update(self) -> None:
        """Bring every cell up to date. Raises InputError, ExternalError and StoppedError as `sweep`."""
        from infogap.runs.pipeline import check_ready
        from infogap.runs.run_folder import Run
        from infogap.sweeps.grid import largest_first
        from infogap.sweeps.shared_work import runs_in

        runs = [
            Run.create(loaded, self.folder / cell.name) for cell, loaded in zip(self.cells, self._loaded, strict=True)
        ]
        for cell, run in zip(self.cells, runs, strict=True):
            with _naming(cell):
                check_ready(run)
        with Run.create(self._loaded[0], self.folder).lock():
            self._write()
            # Cells of an earlier grid too: what they hold need not be made again.
            more = runs_in(self.folder, without={cell.name for cell in self.cells})
            order = largest_first([run.recipe for run in runs])
            for place, index in enumerate(order, start=1):
                say(f"\ncell {place} of {len(order)}: {self.cells[index].title}", style="bold")
                with _naming(self.cells[index]):
                    self._bring_up_to_date(index, runs[index], [*runs[:index], *runs[index + 1 :], *more])
                self._write()

    def _bring_up_to_date(self, index: int, run: Run, others: list[Run]) -> None:
        from infogap.sweeps.comparison import rows_of
        from infogap.sweeps.shared_work import bring_up_to_date

        with run.lock():
            run.save_recipe()
            try:
                updates = bring_up_to_date(run, others)
                short = [f"{update.stage}: {update.shortfall}" for update in updates if update.shortfall]
            except ShortfallError as error:
                short = [str(error)]
                say(str(error), style="yellow")
            self._rows[index] = rows_of(self.cells[index], run, "\n".join(short) or None)

    def _write(self) -> None:
        from infogap.sweeps.comparison import write_comparison

        write_comparison(self.folder, self._name, self._settings, self.cells, self.rows)


def _checked(recipe: Path | RecipeText | Mapping[str, Any], cells: list[Cell]) -> list[LoadedRecipe]:
    """Check the recipes of all cells. Raises RecipeError with the problems of all, each once."""
    from infogap.api.check_recipe import checked
    from infogap.recipe import Problem, RecipeError

    loaded: list[LoadedRecipe] = []
    problems: dict[str, Problem] = {}
    for cell in cells:
        try:
            loaded.append(checked(recipe, cell.overrides))
        except RecipeError as error:
            problems |= {str(problem): problem for problem in error.problems}
    if problems:
        raise RecipeError([*problems.values()])
    return loaded


def _refuse_other_content(folder: Path) -> None:
    """Raise InputError if a folder holds anything but a sweep."""
    from infogap.sweeps.comparison import FILE_NAME

    if folder.is_file():
        raise InputError(f"{folder} is a file; name a folder with --run")
    if not folder.is_dir() or (folder / FILE_NAME).is_file():
        return
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if names:
        listed = ", ".join(names[:3])
        raise InputError(
            f"{folder} is not a sweep, and not empty (it has {listed}); name a new or empty folder with --run"
        )


@contextmanager
def _naming(cell: Cell) -> Iterator[None]:
    """Name the cell in errors; a shortfall is not an error in a sweep."""
    try:
        yield
    except (InputError, ExternalError, StoppedError) as error:
        kind = next(kind for kind in (InputError, ExternalError, StoppedError) if isinstance(error, kind))
        raise kind(f"{cell.title}: {error}") from error
