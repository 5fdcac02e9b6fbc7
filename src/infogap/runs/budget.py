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
        self._batched = 0  # requests in batches that are not collected
        self._reserved = 0  # tokens that requests in batches can cost, until these are collected

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
            return self._in_words("requests")
        if self._budget.tokens is not None and self._expected_tokens() >= self._budget.tokens:
            return self._in_words("tokens")
        return None

    def reserve(self, most_tokens: int) -> str | None:
        """Count a request of a batch, with the most tokens that it can cost, and return None if it may be sent.

        Otherwise return the budget that it would exceed, in words. Tokens are reserved until `release`.
        """
        if self._budget.requests is not None and self._sent >= self._budget.requests:
            return self._in_words("requests")
        limit = self._budget.tokens
        if limit is not None and self._expected_tokens() + most_tokens > limit:
            return f"{self._in_words('tokens')} (the next request can cost {most_tokens:,})"
        self._in_flight(1, most_tokens)
        return None

    def in_flight_before(self, requests: int, most_tokens: int) -> None:
        """Count the requests of a batch that an earlier command has sent, as `reserve`, whatever the budget."""
        self._in_flight(requests, most_tokens)

    def release(self, requests: int, most_tokens: int, tokens: int) -> None:
        """Count what a batch has cost in place of what it could cost."""
        self._answered += requests
        self._reserved -= most_tokens
        self._tokens += tokens
        self._batched -= requests

    def take_back(self, requests: int, most_tokens: int) -> None:
        """Count a batch as not sent: the service did not accept it."""
        self._in_flight(-requests, -most_tokens)

    def _in_flight(self, requests: int, most_tokens: int) -> None:
        self._sent += requests
        self._batched += requests
        self._reserved += most_tokens

    def _in_words(self, unit: str) -> str:
        amount = self._budget.requests if unit == "requests" else self._budget.tokens
        return f"the budget of {amount:,} {unit if amount != 1 else unit[:-1]}"

    def answer(self, prompt_tokens: int | None, completion_tokens: int) -> None:
        """Count an answer; `prompt_tokens` is None if the server does not report it."""
        self._answered += 1
        self._tokens += (prompt_tokens or 0) + completion_tokens

    def _expected_tokens(self) -> float:
        mean = self._tokens / self._answered if self._answered else 0
        return self._tokens + self._reserved + mean * (self._sent - self._answered - self._batched)
