"""Load the template sets that ship with infogap: the words of prompts and contexts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from ruamel.yaml import YAML


@dataclass(frozen=True)
class Wording:
    """A template set: one frame for every prompt, the context of each privilege, and the verdict on a wrong attempt."""

    name: str
    frame: str
    verdict: str
    contexts: dict[str, str]


@cache
def load_wording(name: str) -> Wording:
    """Load a template set that ships with infogap."""
    text = (resources.files("infogap.privileges") / "wordings" / f"{name}.yaml").read_text(encoding="utf-8")
    return Wording(**YAML(typ="safe").load(text))
