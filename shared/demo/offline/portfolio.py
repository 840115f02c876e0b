"""Questions about the user's investments: the holdings from a CSV file, today's prices, and what comes of both."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.demo.offline.conversation import Conversation, PastCall, Reply
from shared.demo.offline.facts import calls_for, quotes_in
from shared.demo.offline.tables import words
from shared.json_types import Json

_WANTS_PRICES = "value|worth|best|worst|gain|loss|perform|chart|plot|graph|report|profit|today|current|price|how much"
_WANTS_CHART = "chart|plot|graph|diagram|visuali"
_WANTS_EXTREMES = "best|worst|winner|loser|perform"


@dataclass(frozen=True, slots=True)
class Holding:
    """What the user owns of one share."""

    symbol: str
    quantity: float
    #: What one cost on average.
    cost: float
    price: float | None = None
    currency: str = ""

    @property
    def value(self) -> float:
        """What it is worth, or was bought for while there is no price."""
        return self.quantity * (self.cost if self.price is None else self.price)

    @property
    def gain(self) -> float:
        """What the holding is worth beyond what it cost, in its currency; negative for a loss."""
        return self.value - self.quantity * self.cost

    @property
    def gain_percent(self) -> float:
        """Gain in percent of the cost."""
        return 100 * self.gain / (self.quantity * self.cost) if self.quantity * self.cost else 0.0


def answer(conversation: Conversation) -> Reply:
    """Read the file, ask for prices, draw if wanted, tell."""
    printed = conversation.outputs("code_interpreter")
    if not printed:
        return [conversation.call("code_interpreter", _read_program(conversation))]
    holdings = holdings_in(printed[0].json())
    if not holdings:
        return f"I found no holdings in the file:\n\n```\n{printed[0].output.strip()[-600:]}\n```"
    asked = conversation.offers("get_stock_price") and conversation.asks(_WANTS_PRICES)
    if asked:
        priced = conversation.outputs("get_stock_price")
        if not priced:
            return calls_for(conversation, "get_stock_price", [holding.symbol for holding in holdings])
        holdings = [_priced(holding, quotes_in(priced)) for holding in holdings]
        if conversation.asks(_WANTS_CHART) and len(printed) == 1 and any(each.price is not None for each in holdings):
            return [_chart(conversation, holdings)]
    return told(holdings, asked=asked, extremes=conversation.asks(_WANTS_EXTREMES) or conversation.asks("report"))


def holdings_in(output: Json | None) -> list[Holding]:
    """The holdings among the rows that the first program printed; columns are known by the words of their names."""
    holdings = []
    for row in (output or {}).get("holdings", []):
        symbol = _field(row, "symbol", "ticker")
        quantity, cost = _field(row, "quantity", "qty", "share", "unit"), _field(row, "cost", "price", "paid")
        if symbol is not None:
            holdings.append(Holding(str(symbol), _number(quantity), _number(cost)))
    return holdings


def told(holdings: list[Holding], *, asked: bool, extremes: bool) -> str:
    """The holdings as a table; if prices were asked for, their total, and the best and the worst if wanted."""
    priced = [holding for holding in holdings if holding.price is not None]
    lines = [f"These are your investments on {datetime.now(UTC):%Y-%m-%d}:", ""]
    if not priced:
        lines += ["| Symbol | Quantity | Average cost | Cost |", "|---|---:|---:|---:|"]
        lines += [f"| {h.symbol} | {h.quantity:g} | {h.cost:,.2f} | {h.value:,.2f} |" for h in holdings]
        return "\n".join(lines + (["", "There were no prices to be had, so this is what they cost."] if asked else []))
    lines += ["| Symbol | Quantity | Average cost | Price | Value | Gain |", "|---|---:|---:|---:|---:|---:|"]
    lines += map(_row, holdings)
    lines += ["", _total(priced)]
    if extremes:
        best, worst = max(priced, key=lambda h: h.gain_percent), min(priced, key=lambda h: h.gain_percent)
        lines.append(
            f"Best: {best.symbol} ({best.gain_percent:+.1f} %). Worst: {worst.symbol} ({worst.gain_percent:+.1f} %)."
        )
    if len(priced) < len(holdings):
        missing = ", ".join(h.symbol for h in holdings if h.price is None)
        lines.append(f"There was no price for {missing}: left out of the total.")
    return "\n".join(lines)


def _row(holding: Holding) -> str:
    start = f"| {holding.symbol} | {holding.quantity:g} | {holding.cost:,.2f} | "
    if holding.price is None:
        return start + "no price | | |"
    gain = f"{holding.gain:+,.2f} ({holding.gain_percent:+.1f} %)"
    return start + f"{holding.price:,.2f} {holding.currency} | {holding.value:,.2f} | {gain} |"


def _total(priced: list[Holding]) -> str:
    totals = []
    for currency in sorted({holding.currency for holding in priced}):
        some = [holding for holding in priced if holding.currency == currency]
        totals.append(
            f"{sum(h.value for h in some):,.2f} {currency} (gain {sum(h.gain for h in some):+,.2f} {currency})"
        )
    return f"Total value: {' and '.join(totals)}."


def _priced(holding: Holding, quotes: dict[str, Json]) -> Holding:
    quote = quotes.get(holding.symbol.upper(), {})
    price = quote.get("price")
    if not isinstance(price, int | float):
        return holding
    currency = str(quote.get("currency") or "")
    return Holding(holding.symbol, holding.quantity, holding.cost, float(price), currency)


def _field(row: Json, *names: str) -> object:
    """The value of the first column that has one of these words in its name."""
    for name in names:
        for column, value in row.items():
            if name in words(column.replace("_", " ")):
                return value
    return None


def _number(value: object) -> float:
    try:
        return float(str(value).replace(",", "").lstrip("$€£"))
    except ValueError:
        return 0.0


def _read_program(conversation: Conversation) -> str:
    name = conversation.data_file
    path = f'"/mnt/data/{name}"' if name is not None else 'sorted(glob.glob("/mnt/data/*.csv"))[0]'
    return _READ.format(path=path, glob="import glob\n" if name is None else "")


def _chart(conversation: Conversation, holdings: Iterable[Holding]) -> PastCall:
    gains = {holding.symbol: round(holding.gain, 2) for holding in holdings if holding.price is not None}
    return conversation.call("code_interpreter", _DRAW.format(gains=json.dumps(gains)))


_READ = """\
{glob}import json
import pandas as pd

table = pd.read_csv({path})
print(json.dumps({{"holdings": json.loads(table.to_json(orient="records"))}}))
"""

_DRAW = """\
import matplotlib.pyplot as plt

gains = {gains}
colors = ["seagreen" if gain >= 0 else "firebrick" for gain in gains.values()]
plt.figure(figsize=(9, 4.5))
plt.bar(list(gains), list(gains.values()), color=colors)
plt.axhline(0, color="gray", linewidth=0.8)
plt.title("Gain or loss by investment")
plt.tight_layout()
plt.show()
"""
