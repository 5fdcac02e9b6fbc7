"""The stage on tables in a run folder: every trace decided, the targets met or the shortfall explained."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infogap.balance.exclusion_reasons import Funnel
from infogap.balance.stage import STAGE
from infogap.errors import InputError, ShortfallError
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, MIX, TASKS, TRACES, VERDICTS, Table


@dataclass(frozen=True)
class T:
    """A trace with all that the mix looks at."""

    task: str
    verdict: str | None = "correct"
    band: str | None = "mixed"
    family: str = "gcd"
    privilege: str = "unguided"
    leak: bool = False
    duplicate: bool = False
    error: str | None = None
    response: str | None = "So it is 5."
    answer: str | None = "5"
    finish_reason: str | None = None
    leaks: tuple[str, ...] = ()


def rows(table: Table, values: list[dict[str, Any]]) -> pl.DataFrame:
    return table.frame([{**dict.fromkeys(table.schema.names()), **value} for value in values])


def make_run(folder: Path, balance: str, traces: list[T], seed: int = 7) -> Run:
    """A run folder with these traces, as the stages before would have left it."""
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.yaml"
    recipe.write_text(
        f"name: demo\nseed: {seed}\nimport: [{{from: traces.jsonl, columns: {{trace: text}}}}]\nbalance: {balance}\n"
    )
    run = Run(folder / "run", load_recipe(recipe).recipe, folder)
    named = [(f"{trace.task}-{number}", trace) for number, trace in enumerate(traces)]
    families = {trace.task: trace.family for trace in traces}
    answers = {trace.task: trace.answer for trace in traces}
    good = [(name, trace) for name, trace in named if trace.error is None]
    tables: list[tuple[Table, list[dict[str, Any]]]] = [
        (
            TASKS,
            [
                {"task_id": task, "family": family, "answer": answers[task], "verifier": "math"}
                for task, family in families.items()
            ],
        ),
        (
            TRACES,
            [
                {
                    "trace_id": n,
                    "task_id": t.task,
                    "privilege": t.privilege,
                    "error": t.error,
                    "response": t.response,
                    "finish_reason": t.finish_reason,
                }
                for n, t in named
            ],
        ),
        (VERDICTS, [{"trace_id": n, "verdict": t.verdict} for n, t in good]),
        (MEASURES, [{"trace_id": n, "band": t.band, "leak": t.leak, "leaks": _leaks(t.leaks)} for n, t in good]),
        (DUPLICATES, [{"trace_id": n} for n, t in good if t.duplicate]),
    ]
    for table, values in tables:
        with run.rewrite(table) as out:
            out.write(rows(table, values))
    return run


def _leaks(kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"kind": kind, "rule": kind, "start": 0, "end": 1, "evidence": "S"} for kind in kinds]


def mix(run: Run) -> pl.DataFrame:
    return run.scan(MIX).collect().sort("trace_id")


def plenty() -> list[T]:
    return [
        T(f"{family}{number}", verdict, band, family)
        for family in ("gcd", "sums")
        for number in range(10)
        for verdict in ("correct", "wrong")
        for band in ("uncertain", "mixed", "confident")
    ]


def test_the_shares_of_every_axis_are_met_exactly(tmp_path: Path) -> None:
    balance = "{size: 40, verdict: {correct: 0.9, wrong: 0.1}, band: {uncertain: 0.5, mixed: 0.5}, family: uniform}"
    run = make_run(tmp_path, balance, plenty())
    outcome = STAGE.make(run)
    assert outcome.shortfall is None
    assert outcome.rows == 120
    axes = outcome.counts["mixes"]["mix"]["axes"]
    assert axes["verdict"]["wrong"] == {"target": 4, "achieved": 4, "available": 40}
    assert [axes["band"][band]["achieved"] for band in ("uncertain", "mixed")] == [20, 20]
    assert {entry["achieved"] for entry in axes["family"].values()} == {20}
    assert outcome.counts["mixes"]["mix"]["reasons"] == {"selected": 40, "over_quota": 40, "not_in_mix": 40}
    assert (outcome.counts["mixes"]["mix"]["size"], outcome.counts["mixes"]["mix"]["target_size"]) == (40, 40)
    assert (outcome.counts["mixes"]["mix"]["tasks"], outcome.counts["mixes"]["mix"]["families"]) == (20, 2)
    table = mix(run)
    assert table["selected"].sum() == 40
    chosen = table.filter("selected")["stratum"].value_counts()
    assert dict(chosen.iter_rows())["band=mixed verdict=correct family=gcd"] == 9
    assert outcome.counts["mixes"]["mix"]["funnel"] == {
        "traces": 120,
        "losses": [
            {"reason": "not_in_mix", "detail": "band confident", "traces": 40},
            {"reason": "over_quota", "detail": None, "traces": 40},
        ],
        "selected": 40,
    }


def test_every_trace_says_why_it_is_out(tmp_path: Path) -> None:
    traces = [
        T("a"),
        T("a"),
        T("b", leak=True),
        T("c", duplicate=True),
        T("d", verdict=None, band=None, error="timed out"),
        T("e", verdict="ungradable"),
        T("f", band=None),
        T("g", leak=True, duplicate=True),
        T("h", response=""),
        T("i", response=" \n"),
        T("j", response=None, duplicate=True),
    ]
    run = make_run(tmp_path, "{max_per_task: 1, verdict: uniform, band: uniform}", traces)
    STAGE.make(run)
    reasons = dict(mix(run).select("trace_id", "reason").iter_rows())
    assert Counter([reasons.pop("a-0"), reasons.pop("a-1")]) == {"selected": 1, "max_per_task": 1}
    assert reasons == {
        "b-2": "leak",
        "c-3": "duplicate",
        "d-4": "error",
        "e-5": "ungradable",
        "f-6": "not_in_mix",
        "g-7": "duplicate",
        "h-8": "no_response",
        "i-9": "no_response",
        "j-10": "no_response",
    }
    strata = dict(mix(run).select("trace_id", "stratum").iter_rows())
    assert strata["e-5"] == "band=mixed verdict=ungradable"
    assert strata["d-4"] is None


def test_by_default_the_mix_holds_correct_traces_and_those_of_tasks_without_gold(tmp_path: Path) -> None:
    traces = [
        T("a"),
        T("a", "wrong"),
        T("b", "truncated"),
        T("c", "no_answer"),
        T("d", "ungradable"),
        T("e", "ungradable", answer=None),
        T("f", "wrong", answer=None),
        T("g", "wrong", leak=True),
        T("h", None),
    ]
    outcome = STAGE.make(run := make_run(tmp_path, "{}", traces))
    assert mix(run).filter("selected")["trace_id"].to_list() == ["a-0", "e-5"]
    assert outcome.counts["mixes"]["mix"]["reasons"] == {
        **{"selected": 2, "wrong": 2, "truncated": 1, "no_answer": 1},
        **{"ungradable": 2, "leak": 1},
    }
    assert outcome.notes == [
        "not correct, and so left out: 2 ungradable, 2 wrong, 1 no answer, 1 truncated; "
        "`balance: {verdict: {correct: 0.9, wrong: 0.1}}` asks for others"
    ]


def test_an_empty_mix_says_that_others_have_to_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ShortfallError, match=r"not available: 1 wrong, 1 truncated\n`balance: {verdict: .* asks for"):
        STAGE.make(make_run(tmp_path, "{}", [T("a", "wrong"), T("b", "truncated")]))


def test_a_mix_of_wrong_traces_says_that_correct_ones_are_out(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{verdict: {wrong: 1}}", [T("a"), T("b", verdict="wrong")])
    outcome = STAGE.make(run)
    assert outcome.counts["mixes"]["mix"]["reasons"] == {"correct": 1, "selected": 1}


def test_what_nothing_can_grade_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ShortfallError) as caught:
        STAGE.make(make_run(tmp_path / "1", "{}", [T("a", "ungradable")]))
    assert str(caught.value).endswith("not available: 1 ungradable")
    outcome = STAGE.make(make_run(tmp_path / "2", "{}", [T("a", "ungradable"), T("b")]))
    assert outcome.notes == ["not correct, and so left out: 1 ungradable"]


def test_the_funnel_tells_kinds_of_a_reason_apart(tmp_path: Path) -> None:
    traces = [
        T("a", None, None, error="no", finish_reason="filtered"),
        T("b", None, None, error="no", finish_reason="too_long"),
        T("bb", None, None, error="no", finish_reason="error"),
        T("c", "truncated", response=""),
        T("d", "no_answer", response=""),
        T("e", leak=True, leaks=("copying", "reference")),
        T("f", leak=True, leaks=("copying",)),
        T("g", leak=True, leaks=("decoy",)),
        T("h", "wrong", "uncertain"),
        T("i", "correct", "uncertain"),
        T("j", "correct", None),
        T("k"),
    ]
    outcome = STAGE.make(make_run(tmp_path, "{verdict: {correct: 1}, band: {mixed: 1}}", traces))
    funnel = Funnel.from_counts(outcome.counts["mixes"]["mix"]["funnel"])
    assert list(funnel.rows()) == [
        ("error", 1, 11),
        ("error: filtered", 1, 10),
        ("error: too_long", 1, 9),
        ("no response", 1, 8),
        ("no response: truncated", 1, 7),
        ("leak: copying", 2, 5),
        ("leak: decoy", 1, 4),
        ("wrong", 1, 3),
        ("not in mix: band not known", 1, 2),
        ("not in mix: band uncertain", 1, 1),
    ]
    assert (funnel.traces, funnel.selected) == (12, 1)


def test_a_truncated_thought_is_not_selected_where_truncated_traces_are(tmp_path: Path) -> None:
    traces = [T("a", "truncated", response=""), T("b", "truncated", response="First, 5 is"), T("c", "no_answer")]
    run = make_run(tmp_path, "{verdict: {truncated: 1.0}}", traces)
    STAGE.make(run)
    assert mix(run).filter("selected")["trace_id"].to_list() == ["b-1"]


def test_leaks_can_be_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{leak: keep}", [T("a", leak=True), T("b")])
    assert STAGE.make(run).counts["mixes"]["mix"]["reasons"] == {"selected": 2}


def test_without_a_size_the_mix_is_as_large_as_the_shares_allow(tmp_path: Path) -> None:
    traces = [T(f"r{n}") for n in range(50)] + [T(f"w{n}", "wrong") for n in range(3)]
    run = make_run(tmp_path, "{verdict: {correct: 0.9, wrong: 0.1}}", traces)
    counts = STAGE.make(run).counts["mixes"]["mix"]
    # Of 35, 31.5 and 3.5: equal remainders, so that of which more is available goes up, to 32.
    assert (counts["size"], counts["target_size"]) == (35, 35)
    assert counts["axes"]["verdict"]["wrong"] == {"target": 3, "achieved": 3, "available": 3}


def test_an_error_names_what_is_missing_and_leaves_the_old_mix(tmp_path: Path) -> None:
    traces = [T(f"r{n}", privilege="answer") for n in range(40)] + [T(f"w{n}", "wrong") for n in range(2)]
    run = make_run(tmp_path, "{size: 40, verdict: {correct: 0.75, wrong: 0.25}}", traces)
    with run.rewrite(MIX) as out:
        out.write(rows(MIX, [{"mix": "mix", "trace_id": "old", "selected": True, "reason": "selected"}]))
    with pytest.raises(ShortfallError) as caught:
        STAGE.make(run)
    text = str(caught.value)
    row = next(line.split() for line in text.splitlines() if "wrong" in line)
    assert row == ["verdict", "wrong", "10", "2", "2"]
    assert "generate 8 more wrong traces under unguided (100% of its traces fit)" in text
    assert "lower balance.size to 10," in text
    assert mix(run)["trace_id"].to_list() == ["old"]


def test_shrink_keeps_the_shares_and_best_effort_the_size(tmp_path: Path) -> None:
    traces = [T(f"r{n}") for n in range(40)] + [T(f"w{n}", "wrong") for n in range(2)]
    shrunk = STAGE.make(make_run(tmp_path / "1", "{size: 40, verdict: uniform, when_short: shrink}", traces))
    assert (shrunk.counts["mixes"]["mix"]["size"], shrunk.counts["mixes"]["mix"]["target_size"]) == (5, 40)
    assert shrunk.shortfall is not None
    assert "the mix was made with 5 traces" in shrunk.shortfall
    closest = STAGE.make(make_run(tmp_path / "2", "{size: 40, verdict: uniform, when_short: best_effort}", traces))
    achieved = {value: entry["achieved"] for value, entry in closest.counts["mixes"]["mix"]["axes"]["verdict"].items()}
    assert achieved == {"correct": 38, "wrong": 2}
    assert closest.counts["mixes"]["mix"]["size"] == 40
    assert closest.shortfall is not None
    assert "over all values, 36 traces are above or below a target" in closest.shortfall


def test_shares_that_no_size_meets_give_an_empty_mix_only_where_shrinking_is_asked_for(tmp_path: Path) -> None:
    balance = "{verdict: {correct: 0.9, wrong: 0.1}"
    run = make_run(tmp_path / "1", f"{balance}}}", [T("a", "wrong"), T("b", "wrong")])
    with pytest.raises(ShortfallError, match="change the shares: with these, no size meets every target"):
        STAGE.make(run)
    run = make_run(tmp_path / "2", f"{balance}, size: 2, when_short: shrink}}", [T("a", "wrong")])
    outcome = STAGE.make(run)
    assert outcome.counts["mixes"]["mix"]["size"] == 0
    assert outcome.shortfall is not None


def test_the_cap_is_named_where_it_is_what_holds_back(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{size: 5, max_per_task: 2}", [T("a")] * 4 + [T("b")] * 4)
    with pytest.raises(ShortfallError, match=r"held back by max_per_task 2: 4 of 8"):
        STAGE.make(run)


def test_a_cap_above_32_bits_is_no_cap(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{size: 4, verdict: uniform, max_per_task: 99999999999}", [T("a"), T("a", "wrong")] * 3)
    counts = STAGE.make(run).counts["mixes"]["mix"]
    assert (counts["size"], counts["most_per_task"]) == (4, 4)


def test_a_joint_shortage_names_the_values_that_must_come_together(tmp_path: Path) -> None:
    traces = [T(f"a{n}", "correct", "confident") for n in range(20)] + [
        T(f"b{n}", "wrong", "uncertain") for n in range(20)
    ]
    balance = "{size: 20, verdict: {correct: 0.9, wrong: 0.1}, band: {uncertain: 0.5, confident: 0.5}}"
    with pytest.raises(ShortfallError, match="generate 8 more correct, uncertain traces"):
        STAGE.make(make_run(tmp_path, balance, traces))


@pytest.mark.parametrize("balance", ["{}", "{max_per_task: 2}", "{size: 2}", "{band: uniform}"])
def test_no_eligible_trace_is_a_shortfall(tmp_path: Path, balance: str) -> None:
    run = make_run(tmp_path, balance, [T("a", leak=True), T("b", error="refused")])
    with pytest.raises(ShortfallError, match="none of 2 traces can be in the mix\nnot available: 1 error, 1 leak"):
        STAGE.make(run)


def test_truncated_traces_alone_are_told_what_would_let_them_end(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{}", [T("a", "truncated"), T("b", "truncated")])
    with pytest.raises(ShortfallError, match=r"a truncated trace needs a larger `teacher\.sampling\.max_tokens`"):
        STAGE.make(run)


def test_no_eligible_trace_is_an_empty_mix_only_where_shrinking_is_asked_for(tmp_path: Path) -> None:
    traces = [T("a", leak=True), T("b", error="refused")]
    run = make_run(tmp_path / "2", "{band: uniform, family: uniform, size: 3, when_short: shrink}", traces)
    outcome = STAGE.make(run)
    assert outcome.shortfall is not None
    assert outcome.counts["mixes"]["mix"]["size"] == 0
    assert mix(run)["reason"].to_list() == ["leak", "error"]


def test_a_privilege_that_no_trace_has_is_an_error(tmp_path: Path) -> None:
    run = make_run(tmp_path, "{privilege: {unguidd: 1.0}}", [T("a")])
    with pytest.raises(InputError, match=r"'unguidd' \(did you mean 'unguided'\?\)"):
        STAGE.make(run)


traces_of = st.builds(
    T,
    task=st.sampled_from(["a", "b", "c", "d"]),
    verdict=st.sampled_from(["correct", "wrong", "truncated", "ungradable", None]),
    response=st.sampled_from(["So it is 5.", ""]),
    error=st.sampled_from([None, None, "no"]),
    finish_reason=st.sampled_from([None, "error", "filtered"]),
    leaks=st.sampled_from([(), ("copying",), ("decoy", "copying")]),
    band=st.sampled_from(["uncertain", "mixed", None]),
    privilege=st.sampled_from(["unguided", "answer"]),
    leak=st.booleans(),
    duplicate=st.booleans(),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(traces_of, min_size=1, max_size=25), st.integers(1, 20), st.integers(1, 3), st.randoms())
def test_whatever_comes_the_mix_is_whole_capped_and_the_same_again(
    tmp_path: Path, traces: list[T], size: int, cap: int, random: Any
) -> None:
    traces = [replace(trace, family=f"family {trace.task in 'ab'}") for trace in traces]
    verdict = random.choice(["verdict: {correct: 0.6, wrong: 0.4}, ", ""])
    axes = f"{verdict}family: uniform, privilege: uniform, when_short: best_effort"
    run = make_run(tmp_path, f"{{size: {size}, max_per_task: {cap}, {axes}}}", traces)
    counts = STAGE.make(run).counts["mixes"]["mix"]
    table = mix(run)
    assert table.height == len(traces)
    assert table["reason"].null_count() == 0
    assert (table["selected"] == (table["reason"] == "selected")).all()
    assert sum(counts["reasons"].values()) == len(traces)
    funnel = Funnel.from_counts(counts["funnel"])
    assert funnel.traces == len(traces)
    assert [left for _, _, left in funnel.rows()][-1:] in ([], [funnel.selected])
    assert funnel.traces == funnel.selected + sum(loss.traces for loss in funnel.losses)
    assert funnel.selected == table["selected"].sum()
    chosen = Counter(name.split("-")[0] for name in table.filter("selected")["trace_id"])
    assert max(chosen.values(), default=0) <= cap
    for values in counts["axes"].values():
        assert all(entry["achieved"] <= entry["available"] for entry in values.values())
        assert sum(entry["target"] for entry in values.values()) == (size if values else 0)
    for folder in (TASKS, TRACES, VERDICTS, MEASURES, DUPLICATES):  # another order of the rows on disk
        shuffled = run.scan(folder).collect().sample(fraction=1, shuffle=True, seed=random.randrange(1000))
        with run.rewrite(folder) as out:
            out.write(shuffled)
    assert STAGE.make(run).counts["mixes"]["mix"] == counts
    assert mix(run).equals(table)


def test_another_seed_draws_other_traces(tmp_path: Path) -> None:
    traces = [T(f"t{n}") for n in range(100)]
    drawn = []
    for seed in (1, 2):
        run = make_run(tmp_path / str(seed), "{size: 20}", traces, seed)
        STAGE.make(run)
        drawn.append(set(mix(run).filter("selected")["trace_id"]))
    assert len(drawn[0] & drawn[1]) < 15
    assert STAGE.part(make_run(tmp_path / "1", "{size: 20}", traces, 1))["seed"] == 1
