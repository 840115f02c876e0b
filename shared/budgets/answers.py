"""What clients are told of budgets: the 429, and the headers by which SDKs and people see how much is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from shared.budgets.ledger import Ledger, Shortage
from shared.errors import RateLimited

#: BudgetLimits in words.
WORDS: Final = {
    "tokens_per_day": "{:g} tokens a day",
    "tokens_per_month": "{:g} tokens a month",
    "cost_per_day": "a cost of {:g} a day",
    "cost_per_month": "a cost of {:g} a month",
    "runs_at_once": "{:g} runs at once",
    "requests_per_minute": "{:g} requests a minute",
    "tokens_per_minute": "{:g} tokens a minute",
}


def words_of(shortage: Shortage) -> str:
    """What is used up, for people."""
    limit = allowed_words(shortage.limit, shortage.allowed)
    if shortage.is_quota:
        return (
            f"You exceeded your current quota: this box allows {limit}. There is more in {duration(shortage.seconds)}."
        )
    return f"Rate limit reached: this box allows {limit}. Please try again in {duration(shortage.seconds)}."


def refused(shortage: Shortage, ledgers: Sequence[Ledger]) -> RateLimited:
    """The 429 for a request. SDKs ask again by themselves, but not where that is no use."""
    headers = headers_of(ledgers) | {"retry-after": str(max(1, math.ceil(shortage.seconds)))}
    if shortage.is_quota:
        return RateLimited(
            words_of(shortage), "insufficient_quota", "insufficient_quota", headers | {"x-should-retry": "false"}
        )
    kind = "tokens" if shortage.limit.startswith("tokens") else "requests"
    return RateLimited(words_of(shortage), kind, "rate_limit_exceeded", headers)


def headers_of(ledgers: Sequence[Ledger]) -> dict[str, str]:
    """`x-ratelimit-…` of the limits that are nearest: requests and tokens of a minute, else tokens of a day, month."""
    requests, tokens = [], []
    for ledger in ledgers:
        minute, limits = ledger.data["minute"], ledger.limits
        if limits.requests_per_minute is not None:
            requests.append((limits.requests_per_minute, minute["requests"], ledger.minute_left))
        if limits.tokens_per_minute is not None:
            tokens.append((limits.tokens_per_minute, minute["tokens"], ledger.minute_left))
        elif limits.tokens_per_day is not None:
            tokens.append((limits.tokens_per_day, ledger.data["day"]["tokens"], ledger.period_left("day")))
        elif limits.tokens_per_month is not None:
            tokens.append((limits.tokens_per_month, ledger.data["month"]["tokens"], ledger.period_left("month")))
    return _headers("requests", requests) | _headers("tokens", tokens)


def _headers(name: str, found: list[tuple[int, int, float]]) -> dict[str, str]:
    if not found:
        return {}
    limit, used, seconds = min(found, key=lambda each: each[0] - each[1])
    return {
        f"x-ratelimit-limit-{name}": str(limit),
        f"x-ratelimit-remaining-{name}": str(max(0, limit - used)),
        f"x-ratelimit-reset-{name}": duration(seconds),
    }


def duration(seconds: float) -> str:
    """Seconds as the hosted API writes them, such as `1h2m3s`."""
    whole = math.ceil(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return "".join([f"{hours}h" * (hours > 0), f"{minutes}m" * (whole >= 60), f"{whole % 60}s"])


def allowed_words(limit: str, allowed: float) -> str:
    """A limit in words, such as `1000 tokens a day`."""
    return WORDS[limit].format(allowed) if allowed < 1e6 else WORDS[limit].replace("{:g}", f"{allowed:,.0f}")
