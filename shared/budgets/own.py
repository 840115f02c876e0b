"""Budgets that owners give their assistants, in an assistant's metadata, within what the operator allows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from shared.budgets.answers import WORDS, allowed_words
from shared.errors import InvalidRequest
from shared.objects.common import Metadata
from shared.settings.values import BudgetLimits

#: The key in the metadata; its value is such as `tokens_per_day:100000, runs_at_once:2`.
RUN_BUDGET: Final = "run_budget"
WHOLE: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
MONEY: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)


def limits_of(metadata: Metadata) -> BudgetLimits | None:
    """What the metadata says; None: nothing. Raises InvalidRequest."""
    found: dict[str, float] = {}
    for each in filter(None, map(str.strip, metadata.get(RUN_BUDGET, "").split(","))):
        name, _, number = map(str.strip, each.partition(":"))
        number_of = MONEY if name.startswith("cost_") else WHOLE
        if name not in WORDS or name in found or number_of.fullmatch(number) is None:
            known = ", ".join(WORDS)
            raise _invalid(
                f"'{each}'. Expected '{RUN_BUDGET}' like 'tokens_per_day:100000, runs_at_once:2' of {known}."
            )
        found[name] = float(number) if number_of is MONEY else int(number)
    return BudgetLimits.model_validate(found) if found else None


def check(metadata: Metadata, allowed: Iterable[BudgetLimits], *, has_prices: bool) -> None:
    """Refuse what is no budget, or is above one of those that the operator has set. Raises InvalidRequest."""
    own = limits_of(metadata)
    if own is None:
        return
    if own.are_in_money and not has_prices:
        raise _invalid("this box knows no prices, so that it can bound no cost.")
    for limits in allowed:
        for name, value in own.model_dump(exclude_none=True).items():
            most = getattr(limits, name)
            if most is not None and value > most:
                raise _invalid(f"this box allows {allowed_words(name, most)}.")


def smaller(one: BudgetLimits | None, other: BudgetLimits | None) -> BudgetLimits | None:
    """The stricter of two budgets, limit by limit; None where neither is set."""
    if one is None or other is None:
        return one or other
    found = one.model_dump(exclude_none=True, include={*WORDS})
    for name, value in other.model_dump(exclude_none=True, include={*WORDS}).items():
        found[name] = min(value, found.get(name, value))
    return BudgetLimits.model_validate(found)


def _invalid(words: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid 'metadata.{RUN_BUDGET}': {words}", param="metadata", code="invalid_value")
