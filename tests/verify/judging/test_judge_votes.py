"""Verdicts by votes: majorities, what no vote says, faults of servers, budgets, and that nothing is asked twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infogap.errors import ExternalError, StoppedError
from infogap.runs.budget import Budget
from infogap.schema import TRACES
from infogap.verify import STAGE
from infogap.verify.judging.vote_counts import forget_failed_votes
from servers.scripted import Body, Reply, ScriptedServer, completion, failing, hanging, replying, saying
from servers.serve import serve
from verify.judging.judged_run import journal, judged_run, text_of, trace, verdicts, vote, write_traces


def _by_seed(*replies: Reply) -> ScriptedServer:
    """A server that gives the first vote on a response the first reply, and so on."""
    seeds: list[int] = []

    def script(body: Body, _before: int) -> Reply:
        if body["seed"] not in seeds:
            seeds.append(body["seed"])
        return replies[seeds.index(body["seed"])]

    return ScriptedServer(script)


def _always(reply: Reply) -> ScriptedServer:
    return ScriptedServer(lambda _body, _before: reply)


@pytest.mark.parametrize(
    ("replies", "verdict", "score", "detail"),
    [
        ([vote("right"), vote("right"), vote("right")], "correct", 1.0, "votes: 3 right; so it is"),
        ([vote("wrong", "no"), vote("right"), vote("wrong", "off")], "wrong", 1 / 3, "votes: 1 right, 2 wrong"),
        ([vote("right"), vote("wrong"), vote("unsure")], "ungradable", None, "no majority of 3 votes: 1 right, 1 uns"),
        ([vote("right"), replying(completion("I think so")), vote("right")], "correct", 2 / 3, "2 right, 1 unreadable"),
        ([vote("right"), replying(completion("?")), replying(completion("?"))], "ungradable", None, "2 unreadable"),
        ([vote("wrong"), failing(500), vote("wrong")], "wrong", 0.0, "votes: 1 failed, 2 wrong"),
        ([vote("right"), failing(400), failing(400)], "ungradable", None, "1 right"),
    ],
)  # fmt: skip
def test_the_majority_decides(
    tmp_path: Path, replies: list[Reply], verdict: str, score: float | None, detail: str
) -> None:
    server = _by_seed(*replies)
    with serve(server.app) as url:
        row = verdicts(judged_run(tmp_path, url, old="concurrency: 4", new="concurrency: 1"), [trace(1, r"\boxed{0}")])
    assert row["trace001"]["verdict"] == verdict
    assert row["trace001"]["score"] == (None if score is None else pytest.approx(score, abs=1e-6))
    assert detail in row["trace001"]["detail"]
    assert row["trace001"]["extracted_answer"] == "0"
    assert len({body["seed"] for body in server.bodies}) == 3


def test_even_votes_can_be_a_tie(tmp_path: Path) -> None:
    with serve(_by_seed(vote("right"), vote("wrong")).app) as url:
        run = judged_run(tmp_path, url, votes=2, old="concurrency: 4", new="concurrency: 1")
        assert verdicts(run, [trace(1, "It is 0.")])["trace001"]["verdict"] == "ungradable"


def test_what_is_sent(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        run = judged_run(tmp_path, url, votes=1, more="    wording: Is the poem a haiku?")
        verdicts(run, [trace(1, "The verdict is correct.", reasoning="secret thought")])
    (body,) = server.bodies
    asked = text_of(body)
    assert "Which is number 0?" in asked
    assert "The verdict is correct." in asked
    assert "secret thought" not in asked
    assert "Is the poem a haiku?" in asked
    assert "right answer" not in asked.replace("The right answer", "")
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["schema"]["properties"]["verdict"]["enum"] == [
        "right", "wrong", "unsure",
    ]  # fmt: skip


def test_the_gold_answer_is_sent_only_if_the_recipe_says_so(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        verdicts(judged_run(tmp_path, url, votes=1, more="    shows: [gold]"), [trace(1, "It is 5.")])
    assert ": right answer>\n0\n</" in text_of(server.bodies[0])


def test_traces_without_an_answer_are_not_asked_about(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        run = judged_run(tmp_path, url)
        traces = [trace(1, ""), trace(2, "First", finish_reason="length"), trace(3, "", error="HTTP 500")]
        rows = verdicts(run, traces)
    assert [row["verdict"] for row in rows.values()] == ["no_answer", "truncated", "ungradable"]
    assert server.bodies == []


def test_equal_responses_share_their_votes(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        rows = verdicts(judged_run(tmp_path, url), [trace(1, "It is 0."), trace(2, "It is 0."), trace(3, "It is 1.")])
    assert {row["verdict"] for row in rows.values()} == {"correct"}
    assert len(server.bodies) == 6


def test_a_server_without_schemas_is_asked_without_one_and_that_is_counted(tmp_path: Path) -> None:
    def script(body: Body, _before: int) -> Reply:
        if "response_format" in body:
            return failing(400, "response_format is not supported")
        return vote("right")

    server = ScriptedServer(script)
    with serve(server.app) as url:
        run = judged_run(tmp_path, url, tasks=1)
        write_traces(run, [trace(number, f"It is {number}.") for number in range(60)])
        outcome = STAGE.make(run)
    assert outcome.counts["correct"] == 60
    assert outcome.counts["judge"]["without_schema"] == 180
    assert sum("response_format" in body for body in server.bodies) == 1
    assert any("180 of servers that take no schema" in note for note in outcome.notes)


def test_a_recipe_can_rule_the_schema_out(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        run = judged_run(tmp_path, url, votes=1, old="timeout: 2", new="extra_body: {response_format: null}")
        verdicts(run, [trace(1, "It is 0.")])
    assert "response_format" not in server.bodies[0]


def test_loose_readings_are_counted(tmp_path: Path) -> None:
    with serve(_always(replying(completion('Sure! {"verdict": "right"}'))).app) as url:
        run = judged_run(tmp_path, url)
        write_traces(run, [trace(1, "It is 0.")])
        counts = STAGE.make(run).counts
    assert (counts["correct"], counts["judge"]["read_loosely"]) == (1, 3)


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    server = _by_seed(vote("right"), vote("wrong"), vote("unsure"))
    with serve(server.app) as url:
        run = judged_run(tmp_path, url)
        first = verdicts(run, [trace(1, "It is 0."), trace(2, "It is 1.")])
        asked = len(server.bodies)
        assert verdicts(run) == first
        verdicts(run, [trace(1, "It is 0."), trace(2, "It is 1."), trace(3, "It is 2.")])
    assert (asked, len(server.bodies)) == (6, 9)


def test_more_votes_ask_for_those_alone_that_are_missing(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        verdicts(judged_run(tmp_path, url), [trace(1, "It is 0.")])
        more = judged_run(tmp_path, url, votes=5)
        assert verdicts(more, [trace(1, "It is 0.")])["trace001"]["detail"].startswith("votes: 5 right")
    assert len(server.bodies) == 5


def test_a_line_cut_off_by_a_kill_is_asked_for_again(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        run = judged_run(tmp_path, url)
        verdicts(run, [trace(1, "It is 0.")])
        path = run.path / "votes" / "votes.jsonl"
        for _ in range(2):
            path.write_bytes(path.read_bytes()[:-20])
            (run.path / "verdicts" / "cache" / "keys.parquet").unlink()
            assert verdicts(run)["trace001"]["detail"].startswith("votes: 3 right")
    assert len(server.bodies) == 5


def test_a_budget_keeps_what_was_paid_for(tmp_path: Path) -> None:
    server = _always(vote("right"))
    with serve(server.app) as url:
        run = judged_run(tmp_path, url)
        write_traces(run, [trace(number, f"It is {number}.") for number in range(3)])
        with pytest.raises(StoppedError, match=r"at the budget of 4 requests: 4 votes of the judge are on disk"):
            STAGE.make(replace(run, budget=Budget(requests=4)))
        assert run.manifest("verdicts") is None
        assert len(journal(run)) == 4
        STAGE.make(run)
    assert len(server.bodies) == 9


def test_tokens_are_counted_in_the_budget(tmp_path: Path) -> None:
    with serve(_always(vote("right")).app) as url:
        run = judged_run(tmp_path, url, old="concurrency: 4", new="concurrency: 1")
        write_traces(run, [trace(number, f"It is {number}.") for number in range(3)])
        with pytest.raises(StoppedError, match="budget of 40 tokens"):
            STAGE.make(replace(run, budget=Budget(tokens=40)))
        assert len(journal(run)) in (3, 4)


def test_votes_cost(tmp_path: Path) -> None:
    with serve(_always(vote("right")).app) as url:
        run = judged_run(tmp_path, url)
        write_traces(run, [trace(1, "It is 0.")])
        counts = STAGE.make(run).counts
    assert (counts["judge"]["prompt_tokens"], counts["judge"]["completion_tokens"]) == (33, 21)
    assert counts["cost"] == pytest.approx(3.3 + 4.2)


@pytest.mark.parametrize(
    "fault",
    [failing(429), failing(503), saying(b'{"choices": [{"mess'), hanging(), saying(b"")],
    ids=["429", "503", "cut-off JSON", "hanging", "empty"],
)
def test_a_fault_that_passes_is_tried_again(tmp_path: Path, fault: Reply) -> None:
    server = ScriptedServer(lambda _body, before: fault if before == 0 else vote("right"))
    with serve(server.app) as url:
        rows = verdicts(judged_run(tmp_path, url, votes=1, attempts=3), [trace(1, "It is 0.")])
    assert rows["trace001"]["verdict"] == "correct"
    assert len(server.bodies) == 2


def test_a_failed_vote_is_sent_again_when_asked_to(tmp_path: Path) -> None:
    broken = [True]

    def script(body: Body, _before: int) -> Reply:
        return failing(500) if broken[0] and "It is 1." in text_of(body) else vote("right")

    server = ScriptedServer(script)
    with serve(server.app) as url:
        run = judged_run(tmp_path, url)
        write_traces(run, [trace(1, "It is 0."), trace(2, "It is 1.")])
        outcome = STAGE.make(run)
        assert (outcome.counts["ungradable"], outcome.counts["judge"]["failed"]) == (1, 3)
        assert any("3 failed" in note for note in outcome.notes)
        broken[0] = False
        outcome = STAGE.make(run)
        assert outcome.counts["correct"] == 2
        assert "failed" not in outcome.counts["judge"]
    assert forget_failed_votes(run) == 0


def test_a_refusal_is_kept_and_is_no_vote(tmp_path: Path) -> None:
    refused = replying(completion(None, refusal="I cannot help with that."))
    server = _always(refused)
    with serve(server.app) as url:
        run = judged_run(tmp_path, url)
        write_traces(run, [trace(1, "It is 0.")])
        counts = STAGE.make(run).counts
        STAGE.make(run)
    assert (counts["ungradable"], counts["judge"]["refused"]) == (1, 3)
    assert len(server.bodies) == 3


def test_a_server_that_fails_every_request_ends_the_stage(tmp_path: Path) -> None:
    with serve(_always(failing(500)).app) as url:
        run = judged_run(tmp_path, url)
        write_traces(run, [trace(1, "It is 0.")])
        with pytest.raises(ExternalError, match=r"verify.judge: every request failed \(most often, 3 times"):
            STAGE.make(run)


def test_no_server_is_one_clear_line(tmp_path: Path) -> None:
    run = judged_run(tmp_path, "http://127.0.0.1:9")
    write_traces(run, [trace(1, "It is 0.")])
    with pytest.raises(ExternalError, match="no server answers"):
        STAGE.make(run)


def test_the_judge_is_in_the_fingerprint(tmp_path: Path) -> None:
    parts = [
        STAGE.part(judged_run(tmp_path / str(place), "http://x", more=more, old=old, new=new))
        for place, (more, old, new) in enumerate(
            [
                ("", "", ""),
                ("", "model: judge", "model: other"),
                ("    wording: Well?", "", ""),
                ("    shows: [gold]", "", ""),
                ("", "votes: 3", "votes: 5"),
                ("", "timeout: 2", "sampling: {temperature: 0.2}"),
            ]
        )
    ]
    assert all(part != parts[0] for part in parts[1:])
    assert STAGE.part(judged_run(tmp_path / "moved", "http://y", old="timeout: 2", new="timeout: 9")) == parts[0]


def test_agreement_with_gold_answers_is_counted(tmp_path: Path) -> None:
    def script(body: Body, _before: int) -> Reply:
        return vote("right" if "boxed" in text_of(body) else "wrong")

    with serve(ScriptedServer(script).app) as url:
        run = judged_run(tmp_path, url, votes=1, tasks=8)
        right = [trace(task, rf"\boxed{{{task}}}", task) for task in range(8)]
        wrong = [trace(10 + task, f"The answer is {task + 1}.", task) for task in range(8)]
        odd = [trace(20, r"\boxed{5}", 0), trace(21, "The answer is 1.", 1), trace(22, "", 2)]
        write_traces(run, [*right, *wrong, *odd])
        outcome = STAGE.make(run)
    counts = outcome.counts["judge_and_gold"]
    assert {key: counts[key] for key in ("both", "judge_alone", "gold_alone", "neither", "tasks", "ungraded")} == {
        "both": 8, "judge_alone": 1, "gold_alone": 1, "neither": 8, "tasks": 8, "ungraded": 1,
    }  # fmt: skip
    assert counts["kappa"] == pytest.approx(7 / 9, abs=1e-6)
    assert 0 <= counts["low"] < counts["kappa"] < counts["high"] <= 1
    (note,) = [note for note in outcome.notes if "as by the gold answers" in note]
    assert "16 of 18 traces (88.9%), Cohen's kappa 0.78" in note


def test_traces_without_a_run_of_theirs_are_not_judged(tmp_path: Path) -> None:
    run = judged_run(tmp_path, "http://127.0.0.1:9")
    write_traces(run, [])
    assert STAGE.make(run).counts["judge"] == {"votes": 0}
    assert run.rows(TRACES) == 0
