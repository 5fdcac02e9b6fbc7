"""Draw tables of numbers as shaded cells, each with its number: colour alone says nothing."""

from __future__ import annotations

import polars as pl

from infogap.charts.drawing import INK, PALETTE, Chart, label, new_figure

_FEWEST_COLUMNS = 4  # that a picture is wide enough for: a single one is not stretched
_TEXT_FITS = 75  # characters side by side over the columns
_SHADE = 0.55  # opacity of the largest number's cell: texts stay readable on it


def heatmap(name: str, caption: str, numbers: pl.DataFrame, form: str, of: str | None = None) -> Chart | None:
    """Draw a row per row of `numbers`, whose first column names it, and a cell per further column; None without rows.

    Cells are shaded from 0 to the largest number and hold it as `form` spells it; nulls are empty. The column `of`, if
    there is one, is a count that the row rests on: it has no shade.
    """
    names, columns = numbers[numbers.columns[0]].to_list(), [each for each in numbers.columns[1:] if each != of]
    if not names or not columns:
        return None
    figure, (axes,) = new_figure(0.3 * len(names) + 0.9)
    largest = max((value for column in columns for value in numbers[column].drop_nulls()), default=0) or 1
    for place, column in enumerate(columns):
        for row, value in enumerate(numbers[column]):
            if value is None:
                continue
            shade = _SHADE * max(value, 0) / largest
            axes.barh(row, 1, left=place, height=1, color=PALETTE[0], alpha=shade, linewidth=0)
            spelled = format(value, form) if value else "0"
            axes.text(place + 0.5, row, spelled, ha="center", va="center", fontsize=8, color=INK)
    if of is not None:
        for row, count in enumerate(numbers[of]):
            axes.text(len(columns) + 0.5, row, f"{count:,}", ha="center", va="center", fontsize=8, color=INK)
        columns.append(of)
    axes.set_xlim(0, max(len(columns), _FEWEST_COLUMNS))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [label(each) for each in names])
    turned = max(map(len, columns)) * len(columns) > _TEXT_FITS
    axes.set_xticks([place + 0.5 for place in range(len(columns))], [label(each) for each in columns])
    axes.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False)
    if turned:
        axes.tick_params(axis="x", labelrotation=35)
        for text in axes.get_xticklabels():
            text.set_ha("left")
            text.set_rotation_mode("anchor")
    axes.spines[["left", "bottom"]].set_visible(False)
    return Chart(name, caption, numbers, figure)
