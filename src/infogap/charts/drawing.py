"""Define what a chart is, a picture with its numbers, and save it as SVG, PNG or CSV."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.console import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_WIDTH = 7.5  # inches
_DPI = 160
INK = "#1a1a1b"  # of texts and axes; unlike any other colour, so that a page can replace it in the dark
# Told apart by people with any of the common kinds of colour blindness (Okabe and Ito 2008, "Color Universal Design").
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
QUIET = "#8a8a8d"
_LONGEST_NAME = 40  # characters of a row's name
# Of a picture without a background, its first path: drawing the picture again for that path would take as long.
_BACKGROUND = re.compile(r'(<g id="patch_1">\s*<path d="[^"]*?)L 0 [\d.]+ \nz\n" style="fill: none"/>')


@dataclass(frozen=True)
class Chart:
    """A chart: a file name without its ending, a caption, its numbers as a table, and the picture."""

    name: str
    caption: str
    numbers: pl.DataFrame
    figure: Figure

    def svg(self, *, background: bool = False) -> str:
        """Return the picture as an SVG element, the same text for the same picture.

        With `background`, it is white instead of transparent, for pages whose colour is not known.
        """
        if not background:
            return self._transparent
        white, places = _BACKGROUND.subn(r'\1z\n" style="fill: #ffffff"/>', self._transparent, count=1)
        return white if places else self._drawn("white")

    @cached_property
    def _transparent(self) -> str:
        return self._drawn("none")

    def _drawn(self, background: str) -> str:
        with _style():
            out = io.StringIO()
            self.figure.savefig(out, format="svg", facecolor=background, metadata={"Date": None, "Creator": None})
        text = out.getvalue()
        return text[text.index("<svg") :]

    def png(self) -> bytes:
        """Return the picture as a PNG file on white."""
        with _style():
            out = io.BytesIO()
            self.figure.savefig(out, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
        return out.getvalue()

    def csv(self) -> bytes:
        """Return the numbers as a CSV file."""
        return self.numbers.write_csv().encode()


def available() -> bool:
    """Return True if matplotlib is installed."""
    return find_spec("matplotlib") is not None


def new_figure(height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """Return a figure of this height in inches, and its axes side by side."""
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        panels = list(figure.subplots(1, columns, squeeze=False)[0])
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def name_rows(axes: Any, names: list[str]) -> None:
    """Label the places 0, 1, ... of the vertical axis with names, from top to bottom."""
    axes.set_yticks(range(len(names)), [label(name, _LONGEST_NAME) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def label(name: str, longest: int | None = None) -> str:
    """Return a text as a label, shortened to `longest` characters.

    A dollar begins no formula, and control characters, for which there are no glyphs, are shown.
    """
    shown = printable(name)
    if longest is not None and len(shown) > longest:
        shown = shown[: longest - 1] + "…"
    return shown.replace("$", r"\$")


def legend_below(figure: Any, handles: list[Any]) -> None:
    """Put a legend below the axes, where it hides nothing."""
    figure.legend(
        handles=handles, frameon=False, loc="outside lower center", ncols=min(len(handles), 4), labelcolor=INK
    )


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib

    chosen: Any = {
        "svg.hashsalt": "infogap",  # ids in the SVG do not change from run to run
        "svg.fonttype": "none",  # the reader's fonts draw the text
        "font.family": "sans-serif",
        "axes.facecolor": "none",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with matplotlib.rc_context(chosen), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        yield
