"""Top up the mixes: plan, round by round, the samples that `generate` requests for what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.console import say
from infogap.errors import ShortfallError
from infogap.generate.top_up_plan import TopUpPlan, TopUpRound
from infogap.recipe.balance_section import Balance
from infogap.runs.run_folder import Run

if TYPE_CHECKING:
    from infogap.balance.samples_to_request import MixLack

_NAMED = 3  # lacks in the line of a round


def ask_for_more(run: Run) -> bool:
    """Plan the next round of samples and write the plan; return False if there is nothing more to request.

    The round depends only on the tables. If two mixes lack traces of one task and privilege, the larger number is
    requested, since a trace can be in both.
    """
    settings = run.recipe.balance.top_up
    if settings is None:
        return False
    plan = TopUpPlan.read(run)
    if plan.ended or len(plan.rounds) >= settings.rounds:
        return False
    from infogap.balance.missing_traces import missing_traces
    from infogap.balance.samples_to_request import samples_to_request

    try:
        lacks = missing_traces(run)
    except ShortfallError:  # too few families for the evenness asked for, which no further sample changes
        TopUpPlan((*plan.rounds, TopUpRound(0, {}))).write(run)
        return False
    if not lacks:
        return False
    generate = run.recipe.generate
    most = generate.until.max_attempts if generate is not None and generate.until else None
    samples: dict[tuple[str, str, str], int] = {}
    for lack in lacks:
        for cell, count in samples_to_request(lack, run.recipe.seed, most).items():
            samples[cell] = max(count, samples.get(cell, 0))
    asked = TopUpRound(sum(lack.missing for lack in lacks), {cell: count for cell, count in samples.items() if count})
    TopUpPlan((*plan.rounds, asked)).write(run)
    say(f"top up    {_in_words(len(plan.rounds) + 1, settings.rounds, asked, lacks)}", style="bold")
    return bool(asked.samples)


def _in_words(number: int, rounds: int, asked: TopUpRound, lacks: list[MixLack]) -> str:
    if not asked.missing:
        return f"round {number} of {rounds}: no further sample of any task can give what is missing; nothing is asked"
    listed = [
        *(str(each) for lack in lacks for each in lack.lacks),
        *(f"{sum(lack.of_tasks.values()):,} more of {len(lack.of_tasks):,} tasks" for lack in lacks if lack.of_tasks),
    ]
    more = f", and {len(listed) - _NAMED:,} more strata" if len(listed) > _NAMED else ""
    requests = f"{asked.requests:,} requests" if asked.samples else "no task can supply them, so nothing is requested"
    return f"round {number} of {rounds}: {asked.missing:,} missing ({', '.join(listed[:_NAMED])}{more}); {requests}"


def rounds_in_words(run: Run, *, short: bool) -> str | None:
    """Say what each round of the top-up has added: the traces that were missing before and after it.

    `short` says whether a mix still misses its targets. None if the recipe has no top-up, or did not need it; if it can
    have no effect, that is said.
    """
    settings, plan = run.recipe.balance.top_up, TopUpPlan.read(run)
    if settings is None:
        return None
    if not (plan.rounds or short):
        return nothing_to_fill(run.recipe.balance)
    missing: list[int | None] = [*(each.missing for each in plan.rounds), _missing(run) if short else 0]
    said = []
    for number, each in enumerate(plan.rounds, start=1):
        if each.samples:
            after = missing[number]
            left = f", {after:,} after" if after is not None else ""
            said.append(f"round {number} sent {each.requests:,} requests: {each.missing:,} missing before{left}")
    if plan.ended:
        said.append("no further sample of any task can supply what is missing")
    elif short and len(plan.rounds) < settings.rounds:
        said.append(f"`infogap run` generates what is missing, in up to {settings.rounds - len(plan.rounds)} rounds")
    return f"top_up: {'; '.join(said)}"


def nothing_to_fill(balance: Balance) -> str | None:
    """Say that a top-up has no effect if every mix takes what there is; None if it can have one."""
    named = [mix for _, mix in balance.named_mixes()]
    open_ended = all(mix.size in (None, "max") and mix.coverage is None for mix in named)
    if balance.top_up is None or not open_ended:
        return None
    return (
        "top_up: nothing is generated for a mix without a `size`, which takes as many traces as its shares allow; set "
        "`balance.size` to the number that you want"
    )


def _missing(run: Run) -> int | None:
    """Return the number of missing traces; None if there are too few families to tell."""
    from infogap.balance.missing_traces import missing_traces

    try:
        return sum(lack.missing for lack in missing_traces(run))
    except ShortfallError:
        return None
