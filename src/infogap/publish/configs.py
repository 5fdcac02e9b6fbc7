"""The published configs by name."""

from __future__ import annotations

from infogap.publish.preference import PREFERENCE
from infogap.publish.privileged import PRIVILEGED
from infogap.publish.rl import RL
from infogap.publish.sft import SFT
from infogap.publish.traces import EVERY_TRACE

CONFIGS = {config.name: config for config in (SFT, EVERY_TRACE, PREFERENCE, PRIVILEGED, RL)}
