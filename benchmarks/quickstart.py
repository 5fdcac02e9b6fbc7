"""The first run as a newcomer has it, and how fast the embedded teacher writes.

    python benchmarks/quickstart.py                    # the first run: a fresh clone, an empty cache
    python benchmarks/quickstart.py --tokens           # tokens per second, each side in a process of its own
    python benchmarks/quickstart.py --tokens --peer PYTHON    # PYTHON: an interpreter that has llama-cpp-python

The first run is `make quickstart` in a fresh clone, in three steps: setting up, the run, and the run again with
nothing to do. Wall seconds, and CPU seconds of all processes together.

Tokens per second are those of the same requests (12 prompts, 2 samples each) by infogap's teacher on 1, 2 and 8
threads, by llama-cpp-python, one request at a time, on 1 and on 2 threads, and by xllamacpp's own server with 1 and 8
slots on 2 threads. Loading the model does not count. The last column names the texts: the same letters, the same texts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOKENS, TEMPERATURE, TOP_P, CONTEXT = 64, 0.7, 0.95, 1024
REQUESTS = [
    (f"Tom has {3 + number} apples and buys {2 + number * 7} more. How many apples has he now? Think aloud.", seed)
    for number in range(12)
    for seed in range(2)
]
Answers = list[tuple[str, int]]  # text, tokens


def first_run() -> None:
    """Time the three steps in a fresh clone."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "infogap"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        unset = {"PYTHONPATH", "VIRTUAL_ENV", "NUMBA_CACHE_DIR"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"PIP_NO_CACHE_DIR": "1", "XDG_CACHE_HOME": str(Path(folder) / "cache")}
        steps = {"set-up": [".venv/.installed"], "run": ["quickstart"], "run again": ["quickstart"]}
        total = 0.0
        print(f"{'step':<12}{'wall s':>9}{'CPU s':>9}")
        for step, target in steps.items():
            wall, cpu = timed(lambda target=target: make(target, clone, environment))
            total += wall if step != "run again" else 0
            print(f"{step:<12}{wall:>9.1f}{cpu:>9.1f}", flush=True)
        print(f"{'set-up + run':<12}{total:>9.1f}")


def make(target: list[str], clone: Path, environment: dict[str, str]) -> None:
    subprocess.run(["make", *target], cwd=clone, env=environment, check=True, capture_output=True)


def timed(step: Callable[[], None]) -> tuple[float, float]:
    """Wall seconds, and CPU seconds of the processes that it started."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    step()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return time.monotonic() - started, cpu


def with_infogap(threads: int) -> tuple[Answers, float, float]:
    from infogap.recipe.teacher_section import Sampling
    from infogap.teachers.base import Request
    from infogap.teachers.embedded.embedded_backend import EmbeddedTeacher
    from infogap.teachers.embedded.embedded_teacher import EmbeddedModel

    sampling = Sampling(temperature=TEMPERATURE, top_p=TOP_P, max_tokens=TOKENS)
    settings = EmbeddedTeacher(backend="embedded", threads=threads, context_length=CONTEXT, sampling=sampling)
    model = EmbeddedModel(settings, Path)
    requests = [
        Request(f"{place:03}", [{"role": "user", "content": question}], seed)
        for place, (question, seed) in enumerate(REQUESTS)
    ]

    def answer() -> Answers:
        done = sorted(model.answer(requests), key=lambda completion: completion.request_id)
        return [(completion.response, completion.completion_tokens or 0) for completion in done]

    return measured(answer)


def with_llama_cpp_python(threads: int) -> tuple[Answers, float, float]:
    import llama_cpp

    model = llama_cpp.Llama(
        model_path=model_file(), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, verbose=False
    )

    def answer() -> Answers:
        answers = []
        for question, seed in REQUESTS:
            reply = model.create_chat_completion(
                [{"role": "user", "content": question}],
                max_tokens=TOKENS,
                temperature=TEMPERATURE,
                top_p=TOP_P,
                top_k=0,
                min_p=0,
                seed=seed,
            )
            answers.append((reply["choices"][0]["message"]["content"], reply["usage"]["completion_tokens"]))
        return answers

    return measured(answer)


def with_xllamacpp_server(slots: int) -> tuple[Answers, float, float]:
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = model_file()
    settings.n_parallel, settings.n_ctx = slots, slots * CONTEXT
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 2
    settings.verbosity, settings.warmup, settings.cache_prompt = -1, False, False
    server = xllamacpp.Server(settings)

    def ask(request: tuple[str, int]) -> tuple[str, int]:
        body = {
            "messages": [{"role": "user", "content": request[0]}],
            "max_tokens": TOKENS,
            "temperature": TEMPERATURE,
            "top_p": TOP_P,
            "top_k": 0,
            "min_p": 0,
            "seed": request[1],
        }
        reply = server.handle_chat_completions(body)
        return reply["choices"][0]["message"]["content"], reply["usage"]["completion_tokens"]

    def answer() -> Answers:
        with ThreadPoolExecutor(slots) as threads:
            return list(threads.map(ask, REQUESTS))

    return measured(answer)


def measured(answer: Callable[[], Answers]) -> tuple[Answers, float, float]:
    started, cpu = time.monotonic(), time.process_time()
    answers = answer()
    return answers, time.monotonic() - started, time.process_time() - cpu


def model_file() -> str:
    """Handed on by the parent: the peer's interpreter need not have infogap."""
    return os.environ["MODEL_FILE"]


SIDES: dict[str, Callable[[int], tuple[Answers, float, float]]] = {
    "infogap": with_infogap,
    "llama-cpp-python": with_llama_cpp_python,
    "xllamacpp server": with_xllamacpp_server,
}


def compare_tokens(peer: str | None, rounds: int) -> None:
    """Print tokens per second of every side, the best of so many rounds in which the sides take turns."""
    from infogap.teachers.embedded.embedded_backend import packaged_model

    sides = [("infogap", 1), ("infogap", 2), ("infogap", 8), ("xllamacpp server", 1), ("xllamacpp server", 8)]
    if peer:
        sides += [("llama-cpp-python", 1), ("llama-cpp-python", 2)]
    environment = os.environ | {"MODEL_FILE": str(packaged_model())}
    best: dict[tuple[str, int], dict[str, float | str]] = {}
    for _ in range(rounds):
        for side, number in sides:
            python = peer if side == "llama-cpp-python" and peer else sys.executable
            command = [python, __file__, "--side", side, "--number", str(number)]
            found = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
            if (side, number) not in best or found["rate"] > best[side, number]["rate"]:
                best[side, number] = found
    unit = {"infogap": "threads", "llama-cpp-python": "threads", "xllamacpp server": "slots"}
    fastest = max(float(found["rate"]) for (side, _), found in best.items() if side == "infogap")
    print(f"{'side':<28}{'tokens/s':>9}{'CPU ms/token':>14}{'infogap is':>12}  texts")
    for (side, number), found in best.items():
        ratio = "" if side == "infogap" else f"{fastest / float(found['rate']):.2f} x"
        name = f"{side}, {number} {unit[side]}"
        print(f"{name:<28}{found['rate']:>9.1f}{found['cpu']:>14.1f}{ratio:>12}  {found['texts']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", action="store_true")
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        answers, wall, cpu = SIDES[options.side](options.number)
        tokens = sum(count for _, count in answers)
        texts = hashlib.sha256(json.dumps([text for text, _ in answers]).encode()).hexdigest()[:8]
        print(json.dumps({"rate": tokens / wall, "cpu": 1000 * cpu / tokens, "texts": texts}), flush=True)
        os._exit(0)  # the server's threads would go on
    if options.tokens:
        compare_tokens(options.peer, options.rounds)
    else:
        first_run()


if __name__ == "__main__":
    main()
