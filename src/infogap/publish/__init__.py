"""Publishing: the dataset folder, its card, and the Hub."""

from infogap.publish.hub_push import PushResult, push
from infogap.publish.stage import STAGE

__all__ = ["STAGE", "PushResult", "push"]
