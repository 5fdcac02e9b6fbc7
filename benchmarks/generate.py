"""All comparisons of generation, one after the other; each is a script of its own that says what it does.

    python benchmarks/generate.py

1. tokens per second with the vllm teacher, against the bare LLM.chat      generate_vllm.py (needs vLLM)
2. requests per second with the openai teacher, against an openai loop      generate_openai.py
3. resident memory at 10,000 and at 200,000 requests                        generate_openai.py --memory
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    if importlib.util.find_spec("vllm") is not None:
        run("generate_vllm.py")
    else:
        print("vLLM is not installed here: tokens per second are not compared")
    if importlib.util.find_spec("openai") is not None:
        run("generate_openai.py")
    else:
        print("the openai client is not installed here: requests per second are not compared")
    run("generate_openai.py", "--memory")


def run(script: str, *arguments: str) -> None:
    print(f"\n{script} {' '.join(arguments)}".rstrip(), flush=True)
    subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


if __name__ == "__main__":
    main()
