"""`infogap status`, once or again and again while another process works on the run. Writes nothing, takes no lock."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from infogap.console import output, stdout
from infogap.generate.throughput import Pace, PaceReader
from infogap.runs.pipeline import StageState, stages, states
from infogap.runs.run_folder import Run
from infogap.schema import TRACES

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

REFRESH = 1.0  # seconds between looks
LINE_EVERY = 15.0  # seconds between lines where there is no terminal, unless a stage has got on
_LONG_SILENCE = 60.0  # seconds without an answer that are worth a warning
_TRIES = 5
_STYLES = {"done": "green", "stale": "yellow", "partial": "yellow", "missing": "red"}


@dataclass(frozen=True)
class Look:
    """What a run looks like at one moment."""

    states: list[StageState]
    holder: int | None  # the process that holds the run for writing
    under_way: str | None  # the stage that it makes
    pace: Pace | None  # of generate, where it is not done
    silent: float | None  # seconds since the last answer, or since the holder began without one
    in_rounds: bool  # more may be planned than is known yet

    @property
    def done(self) -> bool:
        return all(state.state == "done" for state in self.states)


class Watcher:
    """Looks at a run again and again; the stages' states are worked out anew only where a manifest has changed."""

    def __init__(self, folder: Path) -> None:
        """Raises UserError where the folder is not a run."""
        self._run = Run.open(folder)
        self._pace = PaceReader(folder / TRACES.name)
        self._seen: list[tuple[int, int] | None] = []
        self._states: list[StageState] = []

    def look(self) -> Look:
        """The run at this moment."""
        seen = self._manifests()
        if seen != self._seen:
            self._run = Run.open(self._run.path)
            self._states = current_states(self._run)
            self._seen = seen
        pace, found = self._pace.read(), self._states
        generating = any(state.stage == "generate" and state.state in ("partial", "missing") for state in found)
        pace = pace if generating else None
        if pace is not None:
            found = [_partial(state, pace) if state.stage == "generate" else state for state in found]
        held = holder(self._run.path)
        under_way = next((state.stage for state in found if state.state != "done"), None) if held else None
        silent = _silence(self._run.path, pace, held) if pace else None
        generate = self._run.recipe.generate
        return Look(found, held, under_way, pace, silent, generate is not None and generate.in_rounds)

    def _manifests(self) -> list[tuple[int, int] | None]:
        """What changes when the recipe or a stage's state does."""
        manifests = [self._run.manifest_path(stage.folders[0]) for stage in stages(self._run.recipe)]
        return [_version(path) for path in (self._run.path / "recipe.yaml", *manifests)]


def watch(folder: Path) -> None:
    """Show a run's state until everything is done or Ctrl-C comes. Raises UserError where the folder is not a run."""
    try:
        watcher = Watcher(folder)
        if output.json:
            _print_lines(watcher, as_json=True)
        elif sys.stdout.isatty():
            _draw(folder, watcher)
        else:
            _print_lines(watcher, as_json=False)
    except KeyboardInterrupt:
        return  # the watcher goes, the run does not


def current_states(run: Run) -> list[StageState]:
    """Every stage's state, also while another process moves the files about that tell it."""
    for _ in range(_TRIES):
        try:
            return states(run)
        except FileNotFoundError:
            time.sleep(0.05)
    return states(run)


def holder(folder: Path) -> int | None:
    """The process that holds a run for writing, if it lives on this machine."""
    try:
        process = int((folder / ".lock.owner").read_text())
        os.kill(process, 0)
    except PermissionError:
        return process  # another user's
    except (OSError, ValueError):
        return None  # nobody, or one that was killed
    return process


def stages_table(folder: Path, found: list[StageState]) -> Table:
    """The stages with their states, as `infogap status` prints them."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(str(folder)), title_justify="left", title_style="bold")
    for heading in ("stage", "state", "rows", "why"):
        table.add_column(heading, justify="right" if heading == "rows" else "left")
    for state in found:
        rows = "" if state.rows is None else f"{state.rows:,}"
        why = [*state.why, *(state.shortfall.splitlines()[:1] if state.shortfall else [])]
        table.add_row(state.stage, Text(state.state, style=_STYLES[state.state]), rows, "\n".join(why))
    return table


# Drawing and printing


def _draw(folder: Path, watcher: Watcher) -> None:
    from rich.live import Live

    with Live(console=stdout(), auto_refresh=False) as live:
        for look in _looks(watcher):
            live.update(_picture(folder, look), refresh=True)


def _print_lines(watcher: Watcher, *, as_json: bool) -> None:
    """A line at first, every 15 seconds, and whenever a stage has got on."""
    import orjson

    last, printed = "", 0.0
    for look in _looks(watcher):
        summary = f"{look.holder} {look.under_way} {[(state.stage, state.state) for state in look.states]}"
        now = time.monotonic()
        if summary != last or now - printed >= LINE_EVERY:
            typer.echo(orjson.dumps(_as_json(look)).decode() if as_json else _line(look))
            last, printed = summary, now


def _looks(watcher: Watcher) -> Iterator[Look]:
    """Looks, a second apart; the last one is that at which everything is done."""
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
    return Group(stages_table(folder, look.states), lines)


def _line(look: Look) -> str:
    done = sum(state.state == "done" for state in look.states)
    return "; ".join([f"{done} of {len(look.states)} stages done", *(text for _, text, _ in _lines(look))])


def _lines(look: Look) -> list[tuple[str, str, str]]:
    """What is said below the table: a name, the text and its style."""
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
        lines.append(("process", f"process {look.holder} is making {look.under_way}", ""))
    elif not look.done:
        lines.append(
            ("process", "no process of this machine holds the run; the same command goes on with it", "yellow")
        )
    return lines


def _progress(pace: Pace, in_rounds: bool) -> str:
    planned = f" planned so far (round {pace.round})" if in_rounds else ""
    parts = [f"{pace.answered:,} of {pace.total:,} requests{planned}"]
    if pace.requests_per_second is None or pace.tokens_per_second is None:
        return parts[0]
    parts.append(f"{_figure(pace.requests_per_second)} requests/s")
    parts.append(f"{_figure(pace.tokens_per_second)} tokens/s over the last {_clock(pace.window)}")
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


def _partial(state: StageState, pace: Pace) -> StageState:
    why = [f"{pace.answered:,} of {pace.total:,} requests are answered"]
    return replace(state, state="partial", why=why, rows=pace.answered)


def _silence(folder: Path, pace: Pace, held: int | None) -> float | None:
    """Seconds since the last answer; a process that took up the run after it has been silent only since then."""
    since = pace.last_answer
    if held is not None:
        with suppress(FileNotFoundError):  # it has just ended
            since = max(since or 0.0, (folder / ".lock.owner").stat().st_mtime)
    return None if since is None else max(time.time() - since, 0.0)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:{whole % 3600 // 60:02d}" if whole >= 3600 else f"{whole // 60}"
    return f"{hours}:{whole % 60:02d}"


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"
