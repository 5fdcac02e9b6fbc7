"""The budget of one command: limits on requests and tokens, and how much of them is used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Budget:
    """Limits of one command; None means no limit. `tokens` are those of prompts and answers together."""

    requests: int | None = None
    tokens: int | None = None

    @cached_property
    def spending(self) -> Spending:
        """The spending of the command so far, in all its stages."""
        return Spending(self)


class Spending:
    """Counts requests and tokens as requests are sent and answered."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._sent = 0
        self._answered = 0
        self._tokens = 0

    def request(self) -> bool:
        """Return True, and count the request, if one more may be sent.

        A request in flight counts as many tokens as the answered ones had on average, so that a budget of tokens is
        exceeded by no more than the answers' lengths vary.
        """
        if self.spent is not None:
            return False
        self._sent += 1
        return True

    @property
    def spent(self) -> str | None:
        """The budget that is used up, in words; None while another request may be sent."""
        if self._budget.requests is not None and self._sent >= self._budget.requests:
            return f"the budget of {self._budget.requests:,} request{'' if self._budget.requests == 1 else 's'}"
        if self._budget.tokens is not None and self._expected_tokens() >= self._budget.tokens:
            return f"the budget of {self._budget.tokens:,} tokens"
        return None

    def answer(self, prompt_tokens: int | None, completion_tokens: int) -> None:
        """Count an answer; `prompt_tokens` is None if the server does not report it."""
        self._answered += 1
        self._tokens += (prompt_tokens or 0) + completion_tokens

    def _expected_tokens(self) -> float:
        mean = self._tokens / self._answered if self._answered else 0
        return self._tokens + mean * (self._sent - self._answered)
