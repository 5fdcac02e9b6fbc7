"""How fast `infogap generate` asks servers, against what people write in an afternoon; how its memory grows.

    python benchmarks/generate_openai.py                    requests per second and CPU time per request
    python benchmarks/generate_openai.py --memory           resident memory at 10,000 and at 200,000 requests
    python benchmarks/generate_openai.py --curator PYTHON   with bespokelabs-curator, which that Python has

The other end is benchmarks/instant_server.py, a process of its own that answers at once: what is measured is the
client's own work. All clients ask the same questions of it with 256 requests in flight, one after the other and
several times in turn; each side is a process of its own, timed from its first request to its last byte on disk.
The peers are a loop over the `openai` package's AsyncOpenAI, and one over aiohttp, each under a semaphore and with a
JSON line per answer (neither resumes, retries or counts what it spends), and bespokelabs-curator 0.1 with its limits
of requests and tokens per minute out of the way. Needs `pip install 'infogap[bench]'`; curator requires versions of
other libraries than infogap and has an environment of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

SAMPLES = 4
CONCURRENCY = 256
QUESTION = "A train leaves at {0} and passes {1} stations, each {2} minutes after the last. When does it arrive? " * 3
RECIPE = """\
name: instant
tasks: [{{from: tasks.jsonl, verifier: math}}]
teacher: {{backend: openai, model: instant, base_url: "{url}", concurrency: {concurrency}}}
generate: {{samples: {samples}, privileges: [unguided]}}
"""
HERE = Path(__file__).resolve().parent


def write_tasks(folder: Path, requests: int) -> None:
    with (folder / "tasks.jsonl").open("w") as file:
        for number in range(requests // SAMPLES):
            question = QUESTION.format(number, number * 7 % 101, number * 13 % 59)
            file.write(json.dumps({"question": question, "answer": str(number)}) + "\n")


# The clients: each runs in a process of its own and prints one JSON line.


def infogap_client(folder: Path) -> None:
    """The tasks are collected first; then `infogap generate` as the command runs it, with its progress lines."""
    from infogap.console import output
    from infogap.recipe import load_recipe
    from infogap.runs.pipeline import run_one
    from infogap.runs.run_folder import Run
    from infogap.schema import TRACES

    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    output.quiet = False
    with run.lock():
        run.save_recipe()
        run_one(run, "tasks")
        with _measured(_peak_memory()) as figures:
            run_one(run, "generate")
    errors = [part["error"] for part in run.parts(TRACES)]
    figures["requests"] = sum(map(len, errors))
    figures["failed"] = figures["requests"] - sum(part.null_count() for part in errors)
    print(json.dumps(figures))


def openai_client(folder: Path, url: str) -> None:
    import openai

    from infogap.recipe.generate_section import DEFAULT_INSTRUCTION

    async def ask_all() -> int:
        client = openai.AsyncOpenAI(base_url=url, api_key="none")
        slots = asyncio.Semaphore(CONCURRENCY)
        out = (folder / "peer.jsonl").open("a")

        async def ask(question: str, seed: int) -> None:
            async with slots:
                prompt = f"{question}\n\n{DEFAULT_INSTRUCTION}"
                reply = await client.chat.completions.create(
                    model="instant",
                    messages=[{"role": "user", "content": prompt}],
                    seed=seed,
                    temperature=0.7,
                    top_p=1.0,
                    max_tokens=1024,
                )
                choice = reply.choices[0]
                row = {"question": question, "seed": seed, "response": choice.message.content}
                out.write(json.dumps(row | {"finish_reason": choice.finish_reason}) + "\n")

        questions = [json.loads(line)["question"] for line in (folder / "tasks.jsonl").open()]
        asked = [ask(question, seed) for question in questions for seed in range(SAMPLES)]
        await asyncio.gather(*asked)
        out.close()
        await client.close()
        return len(asked)

    with _measured({}) as figures:
        requests = asyncio.run(ask_all())
    print(json.dumps(figures | {"requests": requests}))


def aiohttp_client(folder: Path, url: str) -> None:
    import aiohttp

    from infogap.recipe.generate_section import DEFAULT_INSTRUCTION

    async def ask_all() -> int:
        slots = asyncio.Semaphore(CONCURRENCY)
        connections = aiohttp.TCPConnector(limit=CONCURRENCY)
        async with aiohttp.ClientSession(connector=connections) as session:
            out = (folder / "aiohttp.jsonl").open("a")

            async def ask(question: str, seed: int) -> None:
                body = {
                    "model": "instant",
                    "messages": [{"role": "user", "content": f"{question}\n\n{DEFAULT_INSTRUCTION}"}],
                    "seed": seed,
                    "temperature": 0.7,
                    "top_p": 1.0,
                    "max_tokens": 1024,
                }
                async with slots, session.post(f"{url}/chat/completions", json=body) as reply:
                    choice = (await reply.json())["choices"][0]
                row = {"question": question, "seed": seed, "response": choice["message"]["content"]}
                out.write(json.dumps(row | {"finish_reason": choice["finish_reason"]}) + "\n")

            questions = [json.loads(line)["question"] for line in (folder / "tasks.jsonl").open()]
            asked = [ask(question, seed) for question in questions for seed in range(SAMPLES)]
            await asyncio.gather(*asked)
            out.close()
        return len(asked)

    with _measured({}) as figures:
        requests = asyncio.run(ask_all())
    print(json.dumps(figures | {"requests": requests}))


def curator_client(folder: Path, url: str) -> None:
    """Of its own process: imports are not timed, its cache is new, its progress display and statistics are off."""
    settings = {"CACHE_DIR": str(folder / "curator"), "VIEWER": "0", "DISABLE_RICH_DISPLAY": "1"}
    os.environ |= {f"CURATOR_{name}": value for name, value in settings.items()}
    os.environ |= {"TELEMETRY_ENABLED": "false", "OPENAI_API_KEY": "none"}
    # It counts tokens by a vocabulary that it would download; one of its own dependencies brings the file.
    package = find_spec("litellm")
    assert package is not None and package.origin is not None
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(package.origin).parent / "litellm_core_utils" / "tokenizers")
    from bespokelabs import curator
    from datasets import Dataset

    class Asked(curator.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, str]) -> str:
            return row["question"]

        def parse(self, row: dict[str, str], response: str) -> dict[str, str]:
            return {"question": row["question"], "response": response}

    questions = [json.loads(line)["question"] for line in (folder / "tasks.jsonl").open()]
    rows = [{"question": question, "sample": sample} for question in questions for sample in range(SAMPLES)]
    limits = {"max_requests_per_minute": 10**9, "max_tokens_per_minute": 10**12}
    model = Asked(
        model_name="instant",
        backend="openai",
        backend_params={"base_url": url, "max_concurrent_requests": CONCURRENCY, **limits},
        generation_params={"temperature": 0.7, "max_tokens": 1024},
    )
    with _measured({}) as figures, redirect_stdout(sys.stderr):
        answered = model(Dataset.from_list(rows))
    print(json.dumps(figures | {"requests": len(answered.dataset)}))


def ceiling_client(url: str, requests: int) -> None:
    """As little as a client can do: the same bytes again and again, replies only counted."""
    from instant_server import InstantServer

    body = b'{"model": "instant", "messages": [{"role": "user", "content": "' + b"x" * 400 + b'"}]}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    left, done = requests, 0
    finished = asyncio.Event()

    class Asking(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport, self._missing = transport, 0
            self._ask()

        def _ask(self) -> None:
            nonlocal left
            if left > 0:
                left -= 1
                self._missing += len(InstantServer.REPLY)
                self._transport.write(head + body)

        def data_received(self, data: bytes) -> None:
            nonlocal done
            self._missing -= len(data)
            if self._missing == 0:
                done += 1
                self._ask()
                if done == requests:
                    finished.set()

    async def ask_all() -> None:
        loop = asyncio.get_running_loop()
        port = urlsplit(url).port
        for _ in range(CONCURRENCY):
            await loop.create_connection(Asking, "127.0.0.1", port)
        await finished.wait()

    with _measured({}) as figures:
        asyncio.run(ask_all())
    print(json.dumps(figures | {"requests": requests}))


@contextmanager
def _measured(figures: dict[str, float]) -> Iterator[dict[str, float]]:
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    yield figures
    after = resource.getrusage(resource.RUSAGE_SELF)
    figures["seconds"] = time.perf_counter() - started
    figures["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _peak_memory() -> dict[str, float]:
    """Resident MiB of this process, sampled every 0.1 s from now on: at the start, and the most."""
    figures = {"start_mib": _resident_mib()}
    figures["peak_mib"] = figures["start_mib"]

    def sample() -> None:
        while True:
            figures["peak_mib"] = max(figures["peak_mib"], _resident_mib())
            time.sleep(0.1)

    threading.Thread(target=sample, daemon=True).start()
    return figures


def _resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


# The comparison.


def client(*arguments: object, python: str = sys.executable) -> dict[str, float]:
    command = [python, str(HERE / "generate_openai.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


@contextmanager
def instant_server() -> Iterator[str]:
    command = [sys.executable, str(HERE / "instant_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


def infogap(folder: Path, url: str, requests: int) -> dict[str, float]:
    write_tasks(folder, requests)
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url, concurrency=CONCURRENCY, samples=SAMPLES))
    return client("as-infogap", folder)


def compare(requests: int, rounds: int, curator: str | None) -> None:
    peers = ["openai loop", "aiohttp loop", *(["curator"] if curator else [])]
    rates: dict[str, list[float]] = {name: [] for name in ("trivial client", *peers, "infogap generate")}
    cpu: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(rounds):
        with instant_server() as url, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found = [client("as-ceiling", url, requests)]
            ours = infogap(folder, url, requests)
            found += [client("as-openai", folder, url), client("as-aiohttp", folder, url)]
            found += [client("as-curator", folder, url, python=curator)] if curator else []
            found.append(ours)
            assert ours["requests"] == requests and not ours["failed"], ours
        for which, figures in zip(rates, found, strict=True):
            rates[which].append(figures["requests"] / figures["seconds"])
            cpu[which].append(figures["cpu"] / figures["requests"] * 1000)
    print(f"{requests:,} requests, {CONCURRENCY} in flight; median of {rounds}")
    print(f"{'client':<34}{'requests/s':>12}{'CPU ms per request':>20}")
    for (which, rate), own in zip(rates.items(), cpu.values(), strict=True):
        print(f"{which:<34}{statistics.median(rate):>12,.0f}{statistics.median(own):>20.3f}")
    for peer in peers:
        ratios = [ours / theirs for ours, theirs in zip(rates["infogap generate"], rates[peer], strict=True)]
        of_cpu = [theirs / ours for ours, theirs in zip(cpu["infogap generate"], cpu[peer], strict=True)]
        print(
            f"infogap / {peer}: {statistics.median(ratios):.2f} times the requests per second (worst "
            f"{min(ratios):.2f}), {statistics.median(of_cpu):.2f} per CPU second (worst {min(of_cpu):.2f})"
        )


def memory(sizes: list[int]) -> None:
    print(f"{'requests':>10}{'MiB at start':>14}{'peak MiB':>10}{'requests/s':>12}")
    for requests in sizes:
        with instant_server() as url, tempfile.TemporaryDirectory() as folder:
            figures = infogap(Path(folder), url, requests)
        speed = figures["requests"] / figures["seconds"]
        print(f"{requests:>10,}{figures['start_mib']:>14.0f}{figures['peak_mib']:>10.0f}{speed:>12,.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--curator", metavar="PYTHON", help="a Python that has bespokelabs-curator")
    parser.add_argument("--memory", action="store_true", help="10,000 and 200,000 requests; takes minutes")
    options = parser.parse_args()
    if options.memory:
        memory([10_000, 200_000])
    else:
        compare(options.requests, options.rounds, options.curator)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["as-infogap", folder]:
            infogap_client(Path(folder))
        case ["as-openai", folder, url]:
            openai_client(Path(folder), url)
        case ["as-aiohttp", folder, url]:
            aiohttp_client(Path(folder), url)
        case ["as-curator", folder, url]:
            curator_client(Path(folder), url)
        case ["as-ceiling", url, requests]:
            ceiling_client(url, int(requests))
        case _:
            main()
