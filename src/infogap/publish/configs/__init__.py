"""The published configs by name."""

from __future__ import annotations

from infogap.publish.configs.preference import PREFERENCE
from infogap.publish.configs.privileged import PRIVILEGED
from infogap.publish.configs.rl import RL
from infogap.publish.configs.sft import SFT
from infogap.publish.configs.traces import EVERY_TRACE

CONFIGS = {config.name: config for config in (SFT, EVERY_TRACE, PREFERENCE, PRIVILEGED, RL)}
