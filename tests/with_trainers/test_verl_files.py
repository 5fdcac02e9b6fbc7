"""verl's dataset classes load its files."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from with_trainers.conftest import Export, inline


@pytest.mark.parametrize("form", ["verl", "verl-privileged"])
def test_its_rl_dataset(exported: Export, tokenizer: Any, tmp_path: Any, form: str) -> None:
    from omegaconf import OmegaConf
    from verl.utils.dataset.rl_dataset import RLHFDataset

    file = exported(form, ".parquet")
    settings = OmegaConf.create({"cache_dir": str(tmp_path), "filter_overlong_prompts_workers": 1})
    loaded = RLHFDataset(str(file), tokenizer=tokenizer, config=settings)
    rows = pl.read_parquet(file).to_dicts()
    assert len(loaded) == len(rows) > 1
    for index, row in enumerate(rows):
        read = loaded[index]
        assert list(read["raw_prompt"]) == row["prompt"]
        assert read["reward_model"] == row["reward_model"]
        assert read["extra_info"] == row["extra_info"]
        assert ("privileged_context" in read["extra_info"]) == (form == "verl-privileged")


def test_its_sft_dataset(exported: Export, tokenizer: Any, written: dict[str, tuple[str, str, str]]) -> None:
    from omegaconf import OmegaConf
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    file = exported("verl-sft", ".parquet")
    loaded = MultiTurnSFTDataset(str(file), tokenizer, OmegaConf.create({"max_length": 512}))
    ids = pl.read_parquet(file)["trace_id"].to_list()
    assert len(loaded) == len(ids) > 1
    for index, trace_id in enumerate(ids):
        _, thought, response = written[trace_id]
        row = loaded[index]
        trained = tokenizer.decode(row["input_ids"][row["loss_mask"].bool()])
        assert trained.startswith(inline(thought, response))
