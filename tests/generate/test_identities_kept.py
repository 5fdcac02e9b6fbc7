"""A recipe of one teacher asks what it asked in 0.1.0: nobody's answers are paid for twice because of a new version."""

from pathlib import Path

import orjson
import pytest

from generate.solving import LADDER, Serving, make_run, solver
from infogap.generate import STAGE
from infogap.ids import digest
from infogap.schema import CONTEXTS, TRACES

SELECTED = (
    "{samples: 2, until: {correct: 2, max_attempts: 4}, select: {pass_rate: [0.2, 0.8], samples: 4}, "
    "privileges: [answer, {verifier: {turns: 2}}]}"
)


@pytest.mark.parametrize(
    ("generate", "keys", "rows", "part"),
    [
        (LADDER, ["082be7a5", "15a163ee"], "7fb880cb1baa", "6e6c5d7c4af1"),
        (SELECTED, ["0de5c049", "4688bfcb", "45f00bc4"], "60230e6d47f8", "cf6f52a66222"),
    ],
)
def test_ids_rows_and_fingerprint_are_what_they_were(
    tmp_path: Path, serving: Serving, generate: str, keys: list[str], rows: str, part: str
) -> None:
    run = make_run(tmp_path, serving(solver()), generate)
    STAGE.make(run)
    plan = orjson.loads((run.path / "traces" / "plan.json").read_bytes())
    assert [each["key"][:8] for each in plan["rounds"]] == keys
    assert {name for each in plan["rounds"] for name in each} == {"key", "total"}
    tables = [[row for frame in run.parts(table) for row in frame.iter_rows()] for table in (TRACES, CONTEXTS)]
    assert digest(tables)[:12] == rows
    settings = STAGE.part(run)
    settings.pop("grading", None)  # names the installed libraries
    assert digest(settings)[:12] == part
