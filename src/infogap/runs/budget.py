"""What one command may spend on its teacher."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Limits of one command; None is no limit. `tokens` are those of prompts and answers together."""

    requests: int | None = None
    tokens: int | None = None
