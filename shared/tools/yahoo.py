"""Share prices from Yahoo Finance through yfinance, which is synchronous: it runs in threads of its own."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

from shared.tools.prices import PriceUnavailable, Quote

logger = logging.getLogger(__name__)

_UNKNOWN = "Yahoo Finance does not know this symbol"
#: One HTTP request; a price takes about four of them.
_REQUEST_SECONDS = 5
#: Seconds for a price.
_QUOTE_SECONDS = 12


class Yahoo:
    """Asks Yahoo Finance; `session` makes the curl_cffi session to ask with.

    A quote takes `seconds` at most, and each of its requests `request_seconds`.
    """

    def __init__(
        self,
        session: Callable[[], Any] | None = None,
        *,
        seconds: float = _QUOTE_SECONDS,
        request_seconds: float = _REQUEST_SECONDS,
    ):
        self._seconds, self._request_seconds = seconds, request_seconds
        self._make_session = session or _browser_session
        self._session: Any = None
        # A thread that waits for a dead network must not hold up those of the host.
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="yahoo")
        self._thread = threading.local()

    async def quote(self, symbol: str) -> Quote:
        """The latest price. Raises PriceUnavailable."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                return await loop.run_in_executor(self._threads, self._ask, symbol)
        except TimeoutError as error:
            raise PriceUnavailable("Yahoo Finance did not answer in time") from error

    def _ask(self, symbol: str) -> Quote:
        import yfinance
        from yfinance.exceptions import YFException, YFRateLimitError, YFTickerMissingError

        yfinance.config.debug.hide_exceptions = False
        # Its caches on disk are no good to several threads or instances; a folder that cannot be made turns them off.
        yfinance.set_tz_cache_location(f"{os.devnull}/off")
        self._thread.deadline = monotonic() + self._seconds
        if self._session is None:
            self._session = self._impatient(self._make_session())
        try:
            ticker = yfinance.Ticker(symbol, session=self._session)
            ticker.history(period="1d", timeout=self._request_seconds)
            return _quote(symbol, ticker.history_metadata)
        except YFTickerMissingError as error:
            raise PriceUnavailable(_UNKNOWN) from error
        except YFRateLimitError as error:
            raise PriceUnavailable("Yahoo Finance accepts no more requests for now, try again later") from error
        # OSError is every network failure of curl_cffi; the others are answers that are not what they should be.
        except (YFException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            if getattr(getattr(error, "response", None), "status_code", None) == 404:
                raise PriceUnavailable(_UNKNOWN) from error
            logger.info("no price", extra={"action": "price_unavailable", "symbol": symbol}, exc_info=True)
            raise PriceUnavailable("Yahoo Finance could not be reached or sent no price") from error

    def _impatient(self, session: Any) -> Any:
        """Let no request outlast its quote: yfinance gives each cookie 30 seconds, and a host waits for threads."""
        request = session.request

        def hurried(*args: Any, **options: Any) -> Any:
            left = self._thread.deadline - monotonic()
            if left <= 0:
                raise TimeoutError("no time left for this quote")
            return request(*args, **{**options, "timeout": min(left, self._request_seconds)})

        session.request = hurried
        return session


def _browser_session() -> Any:
    from curl_cffi.requests import Session

    return Session(impersonate="chrome")


def _readable(amount: float, *, least: float | None = None) -> float:
    """Four places for shares; for what costs less than a cent, four digits that count.

    A difference is as exact as the price (`least`) that it is one of.
    """
    size = abs(amount if least is None else least)
    places = 4 if size >= 0.01 or size == 0 else 3 - math.floor(math.log10(size))
    return round(amount, places)


def _quote(symbol: str, meta: Mapping[str, Any]) -> Quote:
    price = float(meta["regularMarketPrice"])
    # New shares have no previous close, or one of 0.
    before = meta.get("previousClose") or meta.get("chartPreviousClose")
    time = meta.get("regularMarketTime")
    return Quote(
        symbol=meta.get("symbol") or symbol,
        name=meta.get("longName") or meta.get("shortName") or symbol,
        price=_readable(price),
        currency=meta.get("currency") or "",
        change=None if not before else _readable(price - before, least=price),
        change_percent=None if not before else round((price / before - 1) * 100, 2),
        market_time=None if time is None else time.isoformat(),
    )
