"""Publish a run: write its dataset folder (configs, card, infogap.json), and push it to the Hub.

Open `stage.py` first.
"""

from infogap.publish.configs.base import Config
from infogap.publish.hub_push import PushResult, push
from infogap.publish.stage import STAGE

__all__ = ["STAGE", "Config", "PushResult", "push"]
