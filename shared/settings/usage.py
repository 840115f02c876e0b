"""The settings that say what use costs, and how much of it there may be."""

from __future__ import annotations

from pydantic import Field

from shared.settings.environment import FromEnvironment
from shared.settings.values import Budget, Price


class UsageSettings(FromEnvironment):
    """A part of `Settings`."""

    # usage
    prices: dict[str, Price] = Field(default_factory=dict)
    """Model -> what a million of its tokens cost, as JSON: `input`, `output`, and where they differ `cached_input` and
    `cache_write`, such as `{"gpt-5*": {"input": 1.25, "cached_input": 0.125, "output": 10}}`. Models are those that
    answer, to which `MODEL_ALIASES` leads; families and `*` are as there. With them, usage is told in money, too."""
    budgets: dict[str, Budget] = Field(default_factory=dict)
    """Owner -> what the owner's runs may use, as JSON, `*` being each one who is not named: `tokens_per_day`,
    `tokens_per_month`, `cost_per_day`, `cost_per_month` (by `PRICES`), `runs_at_once`, `requests_per_minute` (that
    begin a run or go on with one), `tokens_per_minute`, and for single assistants the same below `assistants`, by id.
    Such as `{"ann": {"tokens_per_day": 1000000, "runs_at_once": 8}, "*": {"requests_per_minute": 60}}`."""
