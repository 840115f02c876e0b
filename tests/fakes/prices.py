"""Prices as they were recorded once, so that tests know what a portfolio is worth."""

from __future__ import annotations

from shared.tools.prices import PriceUnavailable, Quote

_RECORDED = {
    "MSFT": ("Microsoft Corporation", 472.12, 1.32),
    "AAPL": ("Apple Inc.", 271.49, 1.97),
    "NVDA": ("NVIDIA Corporation", 178.88, -0.97),
    "KO": ("The Coca-Cola Company", 73.09, 2.07),
    "PFE": ("Pfizer Inc.", 25.05, 1.79),
    "INTC": ("Intel Corporation", 34.50, 2.62),
    "VTI": ("Vanguard Total Stock Market Index Fund ETF", 324.95, 1.00),
    "BND": ("Vanguard Total Bond Market Index Fund ETF", 74.45, 0.19),
}


class RecordedPrices:
    """A price source without a market."""

    async def quote(self, symbol: str) -> Quote:
        if symbol not in _RECORDED:
            raise PriceUnavailable("no such symbol was recorded")
        name, price, percent = _RECORDED[symbol]
        change = round(price - price / (1 + percent / 100), 2)
        return Quote(symbol, name, price, "USD", change, percent, "2025-11-21T16:00:00-05:00")
