"""unsloth's own function for conversations leaves its file as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from with_trainers.conftest import Export

# In a process of its own: unsloth replaces parts of transformers and TRL when it is imported.
SCRIPT = """
import json, sys
import unsloth
from datasets import load_dataset
from unsloth_zoo.dataset_utils import standardize_data_formats
rows = load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
print("ROWS" + json.dumps([row["conversations"] for row in standardize_data_formats(rows)]))
"""


def test_its_conversations_are_standard(exported: Export, tmp_path: Path) -> None:
    file = exported("unsloth")
    command = [sys.executable, "-c", SCRIPT, str(file), str(tmp_path)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr[-2000:]
    (line,) = [line for line in ended.stdout.splitlines() if line.startswith("ROWS")]
    expected = [json.loads(row)["conversations"] for row in file.read_text().splitlines()]
    assert json.loads(line.removeprefix("ROWS")) == expected != []
