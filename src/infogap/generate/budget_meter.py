"""What one command has asked of its teacher, against what it may ask."""

from __future__ import annotations

from infogap.runs.budget import Budget
from infogap.teachers import Completion


class Spending:
    """Counts requests and tokens as they are asked and answered."""

    def __init__(self, budget: Budget, most_tokens: int) -> None:
        """`most_tokens` of an answer: what one counts as whose server does not say how many it has."""
        self._budget = budget
        self._most_tokens = most_tokens
        self._asked = 0
        self._answered = 0
        self._tokens = 0

    def ask(self) -> bool:
        """Whether one more request may be asked; counts it if so.

        Those in flight count with the mean of the tokens of those answered so far, so that a budget of tokens is
        exceeded by no more than the answers' lengths vary.
        """
        if self.spent is not None:
            return False
        self._asked += 1
        return True

    @property
    def spent(self) -> str | None:
        """The budget that is used up, in words; None where there is room for one more request."""
        if self._budget.requests is not None and self._asked >= self._budget.requests:
            return f"the budget of {self._budget.requests:,} request{'' if self._budget.requests == 1 else 's'}"
        if self._budget.tokens is not None and self._expected_tokens() >= self._budget.tokens:
            return f"the budget of {self._budget.tokens:,} tokens"
        return None

    def answer(self, completion: Completion) -> None:
        """Count an answer."""
        self._answered += 1
        written = completion.completion_tokens
        if written is None and completion.error is None:
            written = self._most_tokens
        self._tokens += (completion.prompt_tokens or 0) + (written or 0)

    def _expected_tokens(self) -> float:
        mean = self._tokens / self._answered if self._answered else 0
        return self._tokens + mean * (self._asked - self._answered)
