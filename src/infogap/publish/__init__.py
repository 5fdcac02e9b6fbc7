"""Publishing: the dataset folder with its configs and card, and the Hub. Open `stage.py` first."""

from infogap.publish.configs.base import Config
from infogap.publish.hub_push import PushResult, push
from infogap.publish.stage import STAGE

__all__ = ["STAGE", "Config", "PushResult", "push"]
