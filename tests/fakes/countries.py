"""A local REST Countries, version 5: bearer key, search by name or code, answers in an envelope."""

from __future__ import annotations

from typing import Any

from aiohttp import web

KEY = "rc_test"
NORWAY = {
    "names": {"common": "Norway", "official": "Kingdom of Norway"},
    "codes": {"alpha_2": "NO", "alpha_3": "NOR"},
    "capitals": [{"name": "Oslo", "coordinates": {"lat": 59.92, "lng": 10.75}}],
    "region": "Europe",
    "subregion": "Northern Europe",
    "population": 5_606_944,
    "area": {"kilometers": 323_802, "miles": 125_021},
    "languages": [{"name": "Norwegian Bokmål"}, {"name": "Sami"}],
    "currencies": [{"code": "NOK", "name": "Norwegian krone", "symbol": "kr"}],
    "timezones": ["UTC+01:00"],
    "borders": ["FIN", "SWE", "RUS"],
}


class FakeCountries:
    """Knows Norway; `broken` is None, a status, or a text to answer with."""

    def __init__(self) -> None:
        self.broken: int | str | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/countries/v5/{by:name|code}", self._search)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/countries/v5"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _search(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"errors": [{"message": "Invalid API key"}]}, status=401)
        if isinstance(self.broken, int):
            return web.json_response({"errors": [{"message": "No"}]}, status=self.broken)
        if isinstance(self.broken, str):
            return web.Response(text=self.broken, content_type="application/json")
        asked = request.query["q"].lower()
        searched: dict[str, Any] = NORWAY["names" if request.match_info["by"] == "name" else "codes"]  # type: ignore[assignment]
        found = [_only(NORWAY, request)] if any(asked in str(value).lower() for value in searched.values()) else []
        return web.json_response({"data": {"objects": found, "meta": {"total": len(found), "more": False}}})


def _only(country: dict[str, Any], request: web.Request) -> dict[str, Any]:
    return {field: country[field] for field in request.query["response_fields"].split(",")}
