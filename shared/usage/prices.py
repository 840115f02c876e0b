"""What tokens cost, by the operator's own list (PRICES): in the currency in which it was written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from shared.json_types import Json
from shared.settings.model_aliases import fitting
from shared.settings.values import Price

#: Tokens for which a price is given.
PER = 1_000_000


def cost(row: Json, prices: Mapping[str, Price]) -> Decimal | None:
    """What a row's tokens cost; None if there are some of a model without a price."""
    if row["input_tokens"] + row["output_tokens"] == 0:
        return Decimal(0)
    key = fitting(row["model"], prices)
    if key is None:
        return None
    price = prices[key]
    cached, written = row["cached_tokens"], row["cache_write_tokens"]
    parts = (
        (row["input_tokens"] - cached - written, price.input),
        (cached, price.input if price.cached_input is None else price.cached_input),
        (written, price.input if price.cache_write is None else price.cache_write),
        (row["output_tokens"], price.output),
    )
    return sum((tokens * each for tokens, each in parts), Decimal(0)) / PER
