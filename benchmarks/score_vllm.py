"""Tokens per second of infogap's vllm scorer, against one call of `LLM.generate` with prompt log-probabilities.

    .venv-vllm/bin/python benchmarks/score_vllm.py          the tests' small model on the CPU, see `make test-vllm`
    python benchmarks/score_vllm.py --model Qwen/Qwen3-8B --engine '{}' --texts 512

Two engines with the same settings are started in one process and take turns with the same texts: infogap by its scorer,
which gives each token's log-probability and rank; the other by one call with all prompts and `prompt_logprobs=1`.
Starting an engine counts on neither side, and the first turn of each warms up. The ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import json
import runpy
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from infogap.teachers.scorer import TextToScore
from infogap.teachers.vllm.vllm_backend import VllmTeacher
from infogap.teachers.vllm.vllm_scoring import VllmScorer

_GENERATE = runpy.run_path(str(Path(__file__).with_name("generate_vllm.py")))
QUESTION = "What is the sum of the first {0} odd numbers? Explain each step."
LINE = "Line {0}: the {0}th odd number is {1}, so the sum so far is {2}. "


def texts(count: int, lines: int) -> list[TextToScore]:
    """Return texts of about 18 tokens a line, each after a question of its own."""
    return [
        TextToScore(
            str(number),
            [{"role": "user", "content": QUESTION.format(number + 2)}],
            "".join(LINE.format(n, 2 * n - 1, n * n + number) for n in range(1, lines + 1)),
        )
        for number in range(count)
    ]


def infogap_turn(scorer: VllmScorer, wanted: list[TextToScore]) -> tuple[int, float]:
    """Return the number of scored tokens and the seconds."""
    started = time.perf_counter()
    scored = list(scorer.score(wanted))
    seconds = time.perf_counter() - started
    assert len(scored) == len(wanted) and all(each.error is None for each in scored)
    return sum(len(each.tokens) for each in scored), seconds


def bare_turn(llm: Any, wanted: list[TextToScore]) -> tuple[int, float]:
    """Return the number of tokens of the texts, without those of the questions, and the seconds."""
    from vllm import SamplingParams

    tokenizer = llm.get_tokenizer()
    started = time.perf_counter()
    prompts = [
        tokenizer.apply_chat_template(text.messages, tokenize=False, add_generation_prompt=True) for text in wanted
    ]
    outputs = llm.generate(
        [prompt + text.text for prompt, text in zip(prompts, wanted, strict=True)],
        SamplingParams(max_tokens=1, prompt_logprobs=1),
        use_tqdm=False,
    )
    seconds = time.perf_counter() - started
    before = sum(len(tokenizer(prompt, add_special_tokens=False)["input_ids"]) for prompt in prompts)
    return sum(len(output.prompt_token_ids) for output in outputs) - before, seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder, or a model of the Hub; by default SmolLM2-135M-Instruct")
    parser.add_argument("--engine", type=json.loads, default=_GENERATE["ON_A_CPU"], help="engine arguments, as JSON")
    parser.add_argument("--texts", type=int, default=32)
    parser.add_argument("--lines", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    speeds: dict[str, list[float]] = {"LLM.generate": [], "infogap scorer": []}
    with tempfile.TemporaryDirectory() as name:
        model = options.model or _GENERATE["small_model"](Path(name))
        settings = VllmTeacher(backend="vllm", model=model, engine=options.engine)
        scorer = VllmScorer(settings, Path)
        from vllm import LLM

        llm = LLM(model=model, **options.engine)
        wanted = texts(options.texts, options.lines)
        for turn in range(options.rounds + 1):
            for side in speeds if turn % 2 else reversed(speeds):
                tokens, seconds = infogap_turn(scorer, wanted) if side == "infogap scorer" else bare_turn(llm, wanted)
                if turn:
                    speeds[side].append(tokens / seconds)
                print(f"{side:<15} {tokens:,} tokens in {seconds:.1f} s{'' if turn else ' (warms up)'}", flush=True)
        scorer.close()
    print(f"\n| side | tokens/s, median of {options.rounds} |\n| --- | ---: |")
    medians = {side: statistics.median(found) for side, found in speeds.items()}
    for side, median in medians.items():
        print(f"| {side} | {median:,.0f} |")
    print(f"\ninfogap scorer / LLM.generate: {medians['infogap scorer'] / medians['LLM.generate']:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
