"""`infogap status`: a run's stages, printed once, or redrawn while another process works on the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infogap.bucket.addresses import shown
from infogap.cli.app import RUNS, command
from infogap.cli.arguments import RunFolder
from infogap.console import output, print_json, print_line, shortened, stdout
from infogap.progress import figure

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from infogap.cli.run_watcher import Look, Watcher
    from infogap.generate.throughput import Pace
    from infogap.runs.staleness import StageState

REFRESH = 1.0  # seconds between looks
LINE_EVERY = 15.0  # seconds between lines without a terminal; a stage that changes its state prints one at once
_LONG_SILENCE = 60.0  # seconds without a response that deserve a warning
_MOST_REASONS = 20  # of a stage
_STYLES = {"done": "green", "stale": "yellow", "partial": "yellow", "missing": "red"}


@command(RUNS)
def status(
    folder: RunFolder,
    watch: Annotated[
        bool, typer.Option("--watch", help="Redraw every second until everything is done; for another terminal.")
    ] = False,
) -> None:
    """Say which stages of a run are done, stale or missing, and why."""
    if watch:
        _watch(folder)
        return
    from infogap.cli.run_watcher import current_states
    from infogap.runs.run_folder import Run

    states = current_states(Run.open(folder))
    if output.json:
        print_json([asdict(state) for state in states])
    else:
        stdout().print(_stages_table(folder, states))


def _watch(folder: Path) -> None:
    """Show a run's state until everything is done or Ctrl-C is pressed."""
    from infogap.cli.run_watcher import Watcher

    try:
        watcher = Watcher(folder)
        if output.json:
            _print_lines(watcher, as_json=True)
        elif stdout().is_terminal and not stdout().is_dumb_terminal:
            _draw(folder, watcher)
        else:
            _print_lines(watcher, as_json=False)
    except KeyboardInterrupt:
        return  # ends `--watch`, not the run


def _stages_table(folder: Path, states: list[StageState]) -> Table:
    """Build the table of the stages and their states."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(shown(folder)), title_justify="left", title_style="bold")
    for heading in ("stage", "state", "rows", "why"):
        table.add_column(heading, justify="right" if heading == "rows" else "left")
    for state in states:
        rows = "" if state.rows is None else f"{state.rows:,}"
        why = [
            *shortened(state.why, _MOST_REASONS, "--json lists all"),
            *(state.shortfall.splitlines()[:1] if state.shortfall else []),
        ]
        table.add_row(state.stage, Text(state.state, style=_STYLES[state.state]), rows, "\n".join(why))
    return table


def _draw(folder: Path, watcher: Watcher) -> None:
    from rich.live import Live

    with Live(console=stdout(), auto_refresh=False) as live:
        for look in _looks(watcher):
            live.update(_picture(folder, look), refresh=True)


def _print_lines(watcher: Watcher, *, as_json: bool) -> None:
    """Print a line at the start, every 15 seconds, and whenever a stage changes its state."""
    last, printed = "", 0.0
    for look in _looks(watcher):
        summary = f"{look.holder} {look.under_way} {[(state.stage, state.state) for state in look.states]}"
        now = time.monotonic()
        if summary != last or now - printed >= LINE_EVERY:
            if as_json:
                print_json(_as_json(look), indent=False)
            else:
                print_line(_line(look))
            last, printed = summary, now


def _looks(watcher: Watcher) -> Iterator[Look]:
    """Yield a look every second, until everything is done."""
    while True:
        look = watcher.look()
        yield look
        if look.done:
            return
        time.sleep(REFRESH)


def _picture(folder: Path, look: Look) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines = Table.grid(padding=(0, 2))
    for name, text, style in _lines(look):
        lines.add_row(name, Text(text, style=style))
    return Group(_stages_table(folder, look.states), lines)


def _line(look: Look) -> str:
    done = sum(state.state == "done" for state in look.states)
    return "; ".join([f"{done} of {len(look.states)} stages done", *(text for _, text, _ in _lines(look))])


def _lines(look: Look) -> list[tuple[str, str, str]]:
    """Return the lines below the table: a name, the text and its style."""
    pace, lines = look.pace, []
    if pace is not None:
        lines.append(("generate", _progress(pace, look.in_rounds), ""))
        if pace.failures:
            reason, count = next(iter(pace.failures.items()))
            lines.append(("failed", f"{pace.failed:,} failed, most often ({count:,}): {reason}", "yellow"))
        if look.silent is not None:
            long = look.holder is not None and look.silent >= _LONG_SILENCE and pace.answered < pace.total
            text = f"no answer for {_clock(look.silent)}" if long else f"last answer {_clock(look.silent)} ago"
            lines.append(("answers", text if pace.answered or long else "no answer yet", "yellow" if long else ""))
    if look.under_way is not None:
        lines.append(("process", f"process {look.holder} is running {look.under_way}", ""))
    elif not look.done:
        lines.append(
            (
                "process",
                "no process on this machine is working on the run; run the same command again to continue",
                "yellow",
            )
        )
    return lines


def _progress(pace: Pace, in_rounds: bool) -> str:
    from infogap.generate.throughput import progress_by_teacher

    planned = f" planned so far (round {pace.round})" if in_rounds else ""
    parts = [f"{pace.answered:,} of {pace.total:,} requests{planned}{progress_by_teacher(pace.teachers)}"]
    if pace.requests_per_second is None or pace.tokens_per_second is None:
        return parts[0]
    parts.append(f"{figure(pace.requests_per_second)} requests/s")
    parts.append(f"{figure(pace.tokens_per_second)} tokens/s over the last {_clock(pace.window)}")
    if pace.seconds_left:
        parts.append(f"{_clock(pace.seconds_left)} left")
    return ", ".join(parts)


def _as_json(look: Look) -> dict[str, Any]:
    pace = look.pace
    generate = None if pace is None else asdict(pace) | {"failed": pace.failed, "seconds_since_answer": look.silent}
    return {
        "stages": [asdict(state) for state in look.states],
        "holder": look.holder,
        "under_way": look.under_way,
        "generate": generate,
    }


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:{whole % 3600 // 60:02d}" if whole >= 3600 else f"{whole // 60}"
    return f"{hours}:{whole % 60:02d}"
