"""Where share prices come from: the port that `get_stock_price` asks, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class PriceUnavailable(Exception):
    """There is no price for this symbol; the message tells the model why."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The last price of a share, in its currency."""

    symbol: str
    name: str
    price: float
    currency: str
    #: Against the close of the previous trading day; None where the exchange does not tell.
    change: float | None
    change_percent: float | None
    #: Time of the last trade, ISO 8601 with the exchange's offset.
    market_time: str | None


class PriceSource(Protocol):
    """A service that knows prices."""

    async def quote(self, symbol: str) -> Quote:
        """The latest price. Raises PriceUnavailable."""
        ...
