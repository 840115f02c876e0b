"""The tool `get_stock_price`: what shares, funds, indices and currencies last cost."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from shared.tools.base import Tool, tool
from shared.tools.prices import PriceSource, PriceUnavailable


def _as_list(symbols: object) -> object:
    """Small models send "MSFT, AAPL" where a list is asked for."""
    return symbols.replace(",", " ").split() if isinstance(symbols, str) else symbols


def _as_symbol(symbol: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9.^=-]{1,20}", symbol.strip()) is None:
        raise ValueError("this is not a Yahoo Finance symbol")
    return symbol.strip().upper()


# Checked here and not in the schema: model servers that turn schemas into grammars choke on patterns.
Symbol = Annotated[str, AfterValidator(_as_symbol)]
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
