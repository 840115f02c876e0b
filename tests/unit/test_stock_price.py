"""`get_stock_price` against a local Yahoo, through the real yfinance."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from yfinance.data import YfData

from shared.tools.get_stock_price import get_stock_price_tool
from shared.tools.prices import PriceUnavailable
from shared.tools.yahoo import Yahoo
from tests.fakes.tool_context import CONTEXT
from tests.fakes.yahoo import FakeYahoo

# yfinance and pandas warn about their own use of each other.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
async def market(tmp_path):
    # One per process: cookie, crumb and cached answers would outlive the test.
    type(YfData)._instances.pop(YfData, None)
    YfData.cache_get.cache_clear()
    fake = FakeYahoo(MSFT=(500.0, 510.0, "USD"), NOVO=(50.0, 49.0, "DKK"))
    await fake.start(tmp_path)
    yield fake
    await fake.stop()


async def ask(market, symbols, **limits) -> list[dict]:
    tool = get_stock_price_tool(Yahoo(session=market.session, **limits))
    return json.loads(await tool.run(json.dumps({"symbols": symbols}), CONTEXT))["quotes"]


async def test_price_change_currency_and_time_of_several_symbols(market):
    microsoft, novo = await ask(market, ["msft", "NOVO"])
    assert microsoft == {
        "symbol": "MSFT",
        "name": "MSFT Corporation",
        "price": 510.0,
        "currency": "USD",
        "change": 10.0,
        "change_percent": 2.0,
        "market_time": "2025-11-21T16:00:00-05:00",
    }
    assert (novo["change"], novo["change_percent"], novo["currency"]) == (-1.0, -2.0, "DKK")
    assert market.seen["query1.finance.yahoo.com/v1/test/getcrumb"] == 1


async def test_a_new_share_has_no_change(market):
    market.closes["IPO"] = (0, 20.0, "USD")
    (quote,) = await ask(market, ["IPO"])
    assert (quote["price"], quote["change"], quote["change_percent"]) == (20.0, None, None)


@pytest.mark.parametrize(
    ("before", "now", "price", "change"),
    [
        (0.00000845, 0.00000901, 0.00000901, 0.00000056),
        (0.0123456, 0.01301111, 0.013, 0.0007),
        (1.23456789, 1.30001, 1.3, 0.0654),
        (96000.123456, 96001.5, 96001.5, 1.3765),
    ],
)
async def test_the_price_of_a_coin_keeps_the_digits_that_count(market, before, now, price, change):
    market.closes["COIN"] = (before, now, "USD")
    (quote,) = await ask(market, ["COIN"])
    assert (quote["price"], quote["change"]) == (price, change)


async def test_an_unknown_symbol_spoils_only_itself(market):
    unknown, known = await ask(market, ["NOPE", "MSFT"])
    assert unknown == {"symbol": "NOPE", "error": "Yahoo Finance does not know this symbol"}
    assert known["price"] == 510.0


async def test_a_text_of_symbols_is_taken_apart_and_asked_once_each(market):
    assert [quote["symbol"] for quote in await ask(market, "MSFT, NOVO MSFT")] == ["MSFT", "NOVO"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("busy", "accepts no more requests"),
        ("down", "could not be reached or sent no price"),
        ("garbage", "could not be reached or sent no price"),
        ("silent", "did not answer in time"),
    ],
)
async def test_every_trouble_with_yahoo_is_told_per_symbol(market, broken, told):
    market.broken = broken
    (quote,) = await ask(market, ["MSFT"], seconds=0.5 if broken == "silent" else 10, request_seconds=1)
    assert told in quote["error"]


async def test_a_silent_yahoo_does_not_hold_its_thread_for_long(market):
    market.broken = "silent"
    source = Yahoo(session=market.session, seconds=0.5)
    with pytest.raises(PriceUnavailable):
        await source.quote("MSFT")
    async with asyncio.timeout(3):
        await asyncio.to_thread(source._threads.shutdown)


async def test_no_connection_is_told_too(market):
    await market.stop()
    (quote,) = await ask(market, ["MSFT"])
    assert "could not be reached" in quote["error"]


@pytest.mark.parametrize("symbols", [[], ["../../v1"], ["A?b=c"], ["X" * 21], ["A"] * 21, "", 7])
async def test_what_cannot_be_a_symbol_is_not_asked_for(symbols):
    class Nobody:
        async def quote(self, symbol):
            raise AssertionError(symbol)

    answer = await get_stock_price_tool(Nobody()).run(json.dumps({"symbols": symbols}), CONTEXT)
    assert answer.startswith("Error: invalid arguments for get_stock_price: symbols")


async def test_symbols_are_asked_at_once():
    asked = set()
    both = asyncio.Event()

    class Slow:
        async def quote(self, symbol):
            asked.add(symbol)
            if len(asked) == 2:
                both.set()
            await both.wait()
            raise PriceUnavailable("closed")

    answer = await get_stock_price_tool(Slow()).run('{"symbols": ["A", "B"]}', CONTEXT)
    assert [quote["error"] for quote in json.loads(answer)["quotes"]] == ["closed", "closed"]


def test_yfinance_is_loaded_by_the_first_question_only():
    code = "import sys, shared.tools.yahoo, shared.tools.get_stock_price; print('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
