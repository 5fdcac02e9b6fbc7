"""Tokens per second of `infogap generate` with the vllm teacher, against the bare `LLM.chat` on the same prompts.

    .venv-vllm/bin/python benchmarks/generate_vllm.py       the tests' small model on the CPU, see `make test-vllm`
    python benchmarks/generate_vllm.py --model Qwen/Qwen3-8B --engine '{}' --requests 2048 --max-tokens 1024

Two engines with the same settings are started in one process: infogap's, and `vllm.LLM`. They take turns with the
same requests (prompts, sampling, seeds): infogap by the whole generate stage, from the plan to the manifest, every
answer on disk as it finishes; the other by one call of `LLM.chat` with all of them, its results only in memory.
Starting an engine counts on neither side. The first turn of each warms up and does not count. Which goes first
changes from round to round, and the ratio is that of the two medians: others may use the machine, too. Ends with 1
where it is below --least.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from infogap.generate import answering_teacher
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_one
from infogap.runs.run_folder import Run
from infogap.schema import TRACES
from infogap.teachers.base import Completion, Request, Teacher
from infogap.teachers.vllm.vllm_backend import VllmTeacher
from infogap.teachers.vllm.vllm_teacher import VllmModel

# vLLM's CPU build fails on a prompt that is computed in pieces for a request that has a seed.
ON_A_CPU = {
    "dtype": "bfloat16",
    "max_model_len": 1024,
    "max_num_seqs": 32,
    "enforce_eager": True,
    "enable_chunked_prefill": False,
}
SAMPLES = 4
QUESTION = "Explain in {0} sentences what happens when {1} people share a boat for {2} days. " * 2


class KeptOpen:
    """A teacher that outlives the stage that closes it, and notes what it was asked."""

    def __init__(self, model: VllmModel) -> None:
        self.name = model.name
        self.asked: list[Request] = []
        self._model = model

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        return self._model.answer(self._noting(requests))

    def close(self) -> None:
        """Not yet."""

    def opened(self, *_: object) -> Teacher:
        """What opens a teacher takes its settings."""
        return self

    def _noting(self, requests: Iterable[Request]) -> Iterator[Request]:
        self.asked = []
        for request in requests:
            self.asked.append(request)
            yield request


def small_model(folder: Path) -> str:
    """The model of the tests, as a folder; what its engines take of this machine is little."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")  # GiB
    make_model = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "with_vllm" / "make_model.py"))["make_model"]
    made = Path(os.environ.get("INFOGAP_TEST_MODEL", folder / "SmolLM2-135M-Instruct"))
    make_model(made)
    return str(made)


def write_recipe(folder: Path, options: argparse.Namespace) -> Path:
    with (folder / "tasks.jsonl").open("w") as file:
        for number in range(options.requests // SAMPLES):
            question = QUESTION.format(number % 7 + 2, number * 7 % 101 + 2, number * 13 % 59 + 2)
            file.write(json.dumps({"question": question, "answer": str(number)}) + "\n")
    teacher = {
        "backend": "vllm",
        "model": options.model,
        "engine": options.engine,
        "sampling": {"temperature": 0.8, "max_tokens": options.max_tokens},
    }
    recipe = {
        "name": "turns",
        "tasks": [{"from": "tasks.jsonl", "verifier": "math"}],
        "teacher": teacher,
        "generate": {"samples": SAMPLES, "privileges": ["unguided"]},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    return folder / "recipe.yaml"


def infogap_turn(run: Run) -> tuple[int, float]:
    """Tokens and seconds of the generate stage, its tasks being there."""
    with run.lock():
        run.save_recipe()
        run_one(run, "tasks")
        started = time.perf_counter()
        run_one(run, "generate")
        seconds = time.perf_counter() - started
    traces = pl.concat(list(run.parts(TRACES)))
    assert traces["error"].null_count() == traces.height
    return int(traces["completion_tokens"].sum()), seconds


def bare_turn(llm: Any, settings: VllmTeacher, asked: list[Request]) -> tuple[int, float]:
    """Tokens and seconds of one call of `LLM.chat`."""
    from vllm import SamplingParams

    sampling = settings.sampling
    started = time.perf_counter()
    outputs = llm.chat(
        [request.messages for request in asked],
        [
            SamplingParams(
                temperature=sampling.temperature,
                max_tokens=sampling.max_tokens,
                seed=request.seed,
            )
            for request in asked
        ],
        use_tqdm=False,
    )
    seconds = time.perf_counter() - started
    return sum(len(output.outputs[0].token_ids) for output in outputs), seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder, or a model of the Hub; by default SmolLM2-135M-Instruct")
    parser.add_argument("--engine", type=json.loads, default=ON_A_CPU, help="engine arguments, as JSON")
    parser.add_argument("--requests", type=int, default=128)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--least", type=float, default=0.95)
    options = parser.parse_args()
    speeds: dict[str, list[float]] = {"LLM.chat": [], "infogap generate": []}
    with tempfile.TemporaryDirectory() as name:
        options.model = options.model or small_model(Path(name))
        recipe = load_recipe(write_recipe(Path(name), options))
        settings = recipe.recipe.teacher
        assert isinstance(settings, VllmTeacher)
        model = VllmModel(settings, Path)
        kept = KeptOpen(model)
        vars(answering_teacher)["open_teacher"] = kept.opened  # the stage asks a teacher that runs already
        from vllm import LLM

        llm = LLM(model=settings.model, **settings.engine)
        for turn in range(options.rounds + 1):
            run = Run.create(recipe, Path(name) / f"run{turn}")
            for side in speeds if turn % 2 else reversed(speeds):
                ours = side == "infogap generate"
                tokens, seconds = infogap_turn(run) if ours else bare_turn(llm, settings, kept.asked)
                if turn:
                    speeds[side].append(tokens / seconds)
                load = os.getloadavg()[0]
                note = "" if turn else " (warms up)"
                print(f"{side:<17} {tokens:,} tokens in {seconds:.1f} s, load {load:.1f}{note}", flush=True)
        model.close()
    print(f"\n| side | tokens/s, median of {options.rounds} |\n| --- | ---: |")
    medians = {side: statistics.median(found) for side, found in speeds.items()}
    for side, median in medians.items():
        print(f"| {side} | {median:,.0f} |")
    ratio = medians["infogap generate"] / medians["LLM.chat"]
    pairs = [ours / theirs for ours, theirs in zip(*reversed(speeds.values()), strict=True)]
    print(f"\ninfogap generate / LLM.chat: {ratio:.3f} (rounds: {', '.join(f'{pair:.3f}' for pair in pairs)})")
    return 0 if ratio >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
