"""One step of each of TRL's trainers on a dataset's folder: `train_once.py DATASET TOKENIZER`.

Prints a line of JSON for each: the trainer, the config it read, the rows and the loss. The model is a tiny one with
random weights: what is tried is whether trainers take the columns.
"""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

from datasets import load_dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer
from trl.experimental.sdft import SDFTConfig, SDFTTrainer
from trl.experimental.sdpo import SDPOConfig, SDPOTrainer


def gold_answer_in_completion(
    completions: list[list[dict[str, str]]], reward_model: list[dict[str, str]], **_: Any
) -> list[float]:
    """As verl's rewards do it: from the columns of `rl`."""
    return [
        float(one["ground_truth"] in completion[0]["content"])
        for completion, one in zip(completions, reward_model, strict=True)
    ]


def nothing(completions: list[Any], **_: Any) -> list[float]:
    return [0.0] * len(completions)


def main(dataset: str, tokenizer_folder: str) -> None:
    folder = tempfile.mkdtemp()
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(f"{folder}/tiny")
    tokenizer.save_pretrained(f"{folder}/tiny")
    short = {"max_completion_length": 8}
    trainers: list[tuple[str, str, type[Any], type[Any], dict[str, Any], dict[str, Any]]] = [
        ("sft", "sft", SFTTrainer, SFTConfig, {"max_length": 128}, {}),
        ("dpo", "preference", DPOTrainer, DPOConfig, {"max_length": 128}, {}),
        ("sdft", "privileged", SDFTTrainer, SDFTConfig, short | {"num_generations": 1}, {}),
        ("sdpo", "privileged", SDPOTrainer, SDPOConfig, short | {"num_generations": 2}, {"reward_funcs": nothing}),
        (
            "grpo",
            "rl",
            GRPOTrainer,
            GRPOConfig,
            short | {"num_generations": 2},
            {"reward_funcs": gold_answer_in_completion},
        ),
    ]
    for name, config, trainer, settings, own, more in trainers:
        rows = load_dataset(dataset, config, split="train", cache_dir=f"{folder}/cache")
        args = settings(
            output_dir=f"{folder}/{name}",
            max_steps=1,
            per_device_train_batch_size=2,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            **own,
        )
        model = LlamaForCausalLM.from_pretrained(f"{folder}/tiny")
        taught = trainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer, **more)
        loss = taught.train().training_loss
        told = {"trainer": name, "config": config, "rows": rows.num_rows, "loss": loss}
        sys.stdout.write(json.dumps(told) + "\n")


main(*sys.argv[1:])
