"""A local Yahoo Finance that speaks TLS: cookie, crumb and chart, and the ways they fail.

The real yfinance and the real curl session talk to it, through a proxy whose every tunnel ends here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.certificate import certificate, server_side

_CRUMB, _COOKIE = "b7L.Pq2/xyz", "d=AQABBKx&S=AQAAAk"
_MARKET_TIME = 1_763_758_800  # 2025-11-21 16:00 in New York
_NOT_FOUND = {
    "chart": {
        "result": None,
        "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
    }
}


class FakeYahoo:
    """Knows the charts it is given; `broken` is one of None, "busy", "down", "garbage", "silent"."""

    def __init__(self, **closes: tuple[float, float, str]):
        self.closes = closes
        self.broken: str | None = None
        self.seen: Counter[str] = Counter()
        self._released = asyncio.Event()
        self._tunnels: set[asyncio.Task[None] | None] = set()

    async def start(self, folder: Path) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=server_side(certificate(folder, "*.yahoo.com")))
        await site.start()
        self._proxy = await asyncio.start_server(self._tunnel, "127.0.0.1", 0)
        self._address = self._proxy.sockets[0].getsockname()

    async def stop(self) -> None:
        self._released.set()
        self._proxy.close()
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)
        await self._runner.cleanup()

    def session(self) -> Any:
        """A browser-like session of the kind yfinance makes."""
        from curl_cffi.requests import Session

        host, port = self._address
        return Session(impersonate="chrome", verify=False, proxy=f"http://{host}:{port}")

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tunnels.add(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        server_reader, server_writer = await asyncio.open_connection(*self._runner.addresses[0])
        try:
            await asyncio.gather(_pipe(reader, server_writer), _pipe(server_reader, writer))
        finally:
            writer.close()
            server_writer.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.seen[f"{request.host}{request.path}"] += 1
        if self.broken == "silent":
            await self._released.wait()
        if self.broken == "busy":
            return web.Response(status=429, text="Too Many Requests")
        if self.broken == "down":
            return web.Response(status=503, text="<html>Will be right back</html>")
        if request.host == "fc.yahoo.com":
            answer = web.Response(status=404)
            answer.headers["Set-Cookie"] = f"A3={_COOKIE}; Domain=.yahoo.com; Path=/; Secure; Max-Age=31557600"
            return answer
        if request.path == "/v1/test/getcrumb":
            known = request.cookies.get("A3") == _COOKIE
            return web.Response(text=_CRUMB) if known else web.Response(status=401, text="")
        if request.path.startswith("/v8/finance/chart/"):
            return self._chart(request)
        return web.Response(status=404, text="")

    def _chart(self, request: web.Request) -> web.Response:
        if self.broken == "garbage":
            return web.json_response({"chart": {"result": [{"meta": {}, "indicators": {"quote": [{}]}}]}})
        symbol = request.path.rsplit("/", 1)[1]
        if symbol not in self.closes:
            return web.json_response(_NOT_FOUND, status=404)
        return web.json_response({"chart": {"result": [_result(symbol, *self.closes[symbol])], "error": None}})


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()


def _result(symbol: str, before: float, price: float, currency: str) -> dict[str, Any]:
    period = {"timezone": "EST", "start": _MARKET_TIME - 23_400, "end": _MARKET_TIME, "gmtoffset": -18_000}
    bar = {"open": [before], "high": [price], "low": [before], "close": [price], "volume": [1_000]}
    return {
        "meta": {
            "currency": currency,
            "symbol": symbol,
            "exchangeName": "NMS",
            "fullExchangeName": "NasdaqGS",
            "instrumentType": "EQUITY",
            "firstTradeDate": 511_108_200,
            "regularMarketTime": _MARKET_TIME,
            "hasPrePostMarketData": True,
            "gmtoffset": -18_000,
            "timezone": "EST",
            "exchangeTimezoneName": "America/New_York",
            "regularMarketPrice": price,
            "longName": f"{symbol} Corporation",
            "shortName": symbol,
            "chartPreviousClose": before,
            "priceHint": 2,
            "currentTradingPeriod": {"pre": dict(period), "regular": dict(period), "post": dict(period)},
            "dataGranularity": "1d",
            "range": "1d",
            "validRanges": ["1d", "5d", "1mo", "1y", "max"],
        },
        "timestamp": [_MARKET_TIME],
        "indicators": {"quote": [bar], "adjclose": [{"adjclose": [price]}]},
    }
