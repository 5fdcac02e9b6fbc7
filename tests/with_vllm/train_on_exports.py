"""One step of TRL's trainers on exported files: `train_on_exports.py FOLDER TOKENIZER`; a line of JSON for each."""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

from datasets import load_dataset
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
from trl.experimental.sdft import SDFTConfig, SDFTTrainer

LENGTH = {"max_length": 128}
TRAINERS: dict[str, tuple[type[Any], type[Any], dict[str, Any]]] = {
    "trl-sft": (SFTTrainer, SFTConfig, LENGTH),
    "trl-sft-completion": (SFTTrainer, SFTConfig, LENGTH),
    "trl-recovery": (SFTTrainer, SFTConfig, LENGTH),
    "trl-dpo": (DPOTrainer, DPOConfig, LENGTH),
    "trl-kto": (KTOTrainer, KTOConfig, LENGTH),
    "trl-sdft": (SDFTTrainer, SDFTConfig, {"max_completion_length": 8, "num_generations": 1}),
}


def main(folder: str, tokenizer_folder: str) -> None:
    out = tempfile.mkdtemp()
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(f"{out}/tiny")
    tokenizer.save_pretrained(f"{out}/tiny")
    for form, (trainer, settings, own) in TRAINERS.items():
        rows = load_dataset("json", data_files=f"{folder}/{form}.jsonl", split="train", cache_dir=f"{out}/cache")
        args = settings(
            output_dir=f"{out}/{form}",
            max_steps=1,
            per_device_train_batch_size=2,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            **own,
        )
        model = LlamaForCausalLM.from_pretrained(f"{out}/tiny")
        taught = trainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer)
        told = {"format": form, "rows": rows.num_rows, "loss": taught.train().training_loss}
        if trainer is SFTTrainer:
            labels = next(iter(taught.get_train_dataloader()))["labels"][0]
            told["trained"] = tokenizer.decode(labels[labels != -100])
        sys.stdout.write(json.dumps(told) + "\n")


main(*sys.argv[1:])
