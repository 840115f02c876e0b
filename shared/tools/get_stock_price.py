"""The tool `get_stock_price`: what shares, funds, indices and currencies last cost."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from shared.tools.base import Tool, tool
from shared.tools.prices import PriceSource, PriceUnavailable


def _as_list(symbols: object) -> object:
    """Small models send "MSFT, AAPL" where a list is asked for."""
    return symbols.replace(",", " ").split() if isinstance(symbols, str) else symbols


Symbol = Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=r"^[A-Za-z0-9.^=-]{1,20}$")]
Symbols = Annotated[
    list[Symbol],
    BeforeValidator(_as_list),
    Field(
        min_length=1,
        max_length=20,
        description='Yahoo Finance symbols, such as ["MSFT", "SAP.DE", "^GSPC", "EURUSD=X"].',
    ),
]


def get_stock_price_tool(prices: PriceSource) -> Tool:
    """The tool on top of a price source."""

    async def get_stock_price(symbols: Symbols) -> dict[str, Any]:
        """Get the latest price of one or several shares, funds, indices or currencies, with the change since the
        previous close and the currency. Ask for all symbols in one call."""
        return {"quotes": await asyncio.gather(*(_look_up(symbol) for symbol in dict.fromkeys(symbols)))}

    async def _look_up(symbol: str) -> dict[str, Any]:
        try:
            return asdict(await prices.quote(symbol))
        except PriceUnavailable as error:
            return {"symbol": symbol, "error": str(error)}

    return tool(get_stock_price, idempotent=True, timeout=60)
