"""The command line's contract: exit codes, one-line errors, data on stdout and everything else on stderr."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.in_process import infogap

VALID = """\
name: demo
tasks: [{from: reasoning_gym, names: [chain_sum], count: 3}]
teacher: {backend: embedded, sampling: {max_tokens: 10}}
generate: {samples: 2, privileges: [unguided, answer]}
"""


def test_help_names_every_command_and_the_exit_codes(tmp_path: Path) -> None:
    done = infogap("--help", cwd=tmp_path)
    assert done.returncode == 0
    for name in ("init", "check", "run", "sweep", "status", "show", "tasks", "generate", "import", "verify", "measure"):
        assert f" {name} " in done.stdout
    for name in ("dedupe", "balance", "publish", "report", "privileges", "Exit codes"):
        assert name in done.stdout


def test_a_started_recipe_is_valid(tmp_path: Path) -> None:
    assert infogap("init", cwd=tmp_path).returncode == 0
    done = infogap("check", "recipe.yaml", "--plan", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    costs = json.loads(done.stdout)
    assert costs["tasks"] == 12
    assert costs["requests"] == 12 * 3 * 2
    again = infogap("init", cwd=tmp_path)
    assert again.returncode == 2
    assert "already exists" in again.stderr


def test_a_wrong_recipe_ends_with_2_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(VALID.replace("chain_sum", "chain_sun").replace("answer]", "answr]"))
    done = infogap("run", "recipe.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("recipe.yaml:2: tasks[0].names[0]: reasoning-gym has no dataset 'chain_sun'")
    assert second.startswith("recipe.yaml:4: generate.privileges[1]: unknown privilege 'answr'")
    assert "Traceback" not in done.stderr
    (tmp_path / "recipe.yaml").write_text(VALID.replace("chain_sum", "chain_sun"))
    done = infogap("check", "recipe.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "recipe.yaml:2" in done.stderr
    assert "chain_sum" in done.stderr


def test_a_template_without_its_needs_ends_with_2(tmp_path: Path) -> None:
    nudge = 'answer, {nudge: {template: "{{ answer }}!", richness: 1}}]'
    (tmp_path / "recipe.yaml").write_text(VALID.replace("answer]", nudge))
    done = infogap("check", "recipe.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("recipe.yaml:4: generate.privileges[2].nudge.template: the template shows the answer")


def test_two_lexicons_of_one_name_end_with_2(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: infogap\nsource: me\nmatching: word\nmarkers: {doubt: [perhaps]}\n")
    (tmp_path / "recipe.yaml").write_text(VALID + "measure: {lexicons: [infogap, mine.yaml]}\n")
    done = infogap("check", "recipe.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "measure.lexicons[1]: its name 'infogap' is also that of infogap; give it another `name`" in done.stderr


def test_errors_of_the_text_and_of_what_it_names_are_told_together(tmp_path: Path) -> None:
    text = VALID.replace("chain_sum", "chain_smu") + "measure: {lexicons: [infogpa]}\nbalance: {size: 0}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    done = infogap("check", "recipe.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == [
        "tasks[0].names[0]",
        "measure.lexicons[0]",
        "balance.size",
    ]


@pytest.mark.parametrize("command", ["status", "show", "verify", "publish"])
def test_a_folder_that_is_no_run_ends_with_2(tmp_path: Path, command: str) -> None:
    done = infogap(command, "nowhere", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("nowhere is not a run folder")


def test_a_bare_name_is_a_run_in_runs(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"q": "What is 1 + 1?", "a": "2", "t": "2"}\n')
    columns = "{question: q, answer: a, trace: t}"
    (tmp_path / "recipe.yaml").write_text(f"name: imp\nimport: [{{from: rows.jsonl, columns: {columns}}}]\n")
    assert infogap("run", "recipe.yaml", cwd=tmp_path).returncode == 0
    for command in (["status", "imp"], ["balance", "imp"], ["dedupe", "imp"], ["diff", "imp", "runs/imp"]):
        assert infogap(*command, cwd=tmp_path).returncode == 0
    assert "runs/imp" in infogap("status", "imp", cwd=tmp_path).stdout
    (tmp_path / "imp").mkdir()  # holds no run, as the folder that `infogap quickstart` makes
    assert "runs/imp" in infogap("status", "imp", cwd=tmp_path).stdout
    assert infogap("run", "recipe.yaml", "--run", "imp", "--set", "balance.size=1", cwd=tmp_path).returncode == 0
    assert "runs/imp" not in infogap("status", "imp", cwd=tmp_path).stdout
    (tmp_path / "other").mkdir()
    assert infogap("status", "other", cwd=tmp_path).stderr.startswith("other is not a run folder")


def test_the_schema_of_the_recipe_is_the_one_that_ships(tmp_path: Path) -> None:
    done = infogap("check", "--schema", cwd=tmp_path)
    shipped = Path(__file__).parents[2] / "recipes" / "recipe.schema.json"
    assert json.loads(done.stdout) == json.loads(shipped.read_text())


def test_the_ladder_is_listed_without_a_run(tmp_path: Path) -> None:
    done = infogap("privileges", "list", "--json", cwd=tmp_path)
    assert [row["name"] for row in json.loads(done.stdout)][:2] == ["unguided", "lessons"]
    assert infogap("privileges", cwd=tmp_path).stdout.count("(control)") == 3


def test_work_ended_early_on_purpose_ends_with_0(tmp_path: Path) -> None:
    script = """
from infogap.cli.app import app, command
from infogap.errors import StoppedError

@command("Runs")
def work() -> None:
    raise StoppedError("stopped as asked: [3] of 7 are done")

app(["work", "--quiet"])
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr == "stopped as asked: [3] of 7 are done\n"


def test_debug_shows_where(tmp_path: Path) -> None:
    done = infogap("status", "nowhere", "--debug", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_library_that_cannot_be_imported_is_not_a_bug(tmp_path: Path) -> None:
    """As where memory is limited: a shared object cannot be mapped, and the library raises its own ImportError."""
    library = tmp_path / "site-packages" / "broken_library"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("raise ImportError('failed to map segment')\n")
    package = tmp_path / "program.py"
    package.write_text(
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "import infogap.cli.status as status\n"
        "from infogap.cli import main\n"
        "from infogap.runs.run_folder import Run\n"
        "code = compile('def open(path):\\n    import broken_library', status.__file__, 'exec')\n"
        "names = {}; exec(code, names); Run.open = names['open']\n"
        "main()\n"
    )
    program = [sys.executable, str(package), str(library.parent), "status", "run"]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "broken_library cannot be imported: ImportError: failed to map segment" in done.stderr
