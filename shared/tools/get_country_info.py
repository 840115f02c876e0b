"""The tool `get_country_info`: facts about a country from REST Countries, version 5, which wants a (free) key."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from shared.json_types import Json
from shared.tls import tls
from shared.tools.base import Tool, ToolFailure, tool

#: Seconds of a request.
_ANSWER_SECONDS = 10
#: Countries of an answer.
_MOST_COUNTRIES = 5
_FIELDS = "names,codes,capitals,region,subregion,population,area,languages,currencies,timezones,borders"

Country = Annotated[
    str, Field(min_length=2, max_length=60, description="Name of the country, or its ISO code of two or three letters.")
]


def get_country_info_tool(url: str, key: str) -> Tool:
    """The tool on top of the service at the URL."""

    async def get_country_info(country: Country) -> dict[str, Any]:
        """Get a country's capital, region, population, area in square kilometres, languages, currencies, time zones
        and neighbours."""
        if not key:
            raise ToolFailure("this box has no key for REST Countries: its operator must set REST_COUNTRIES_KEY")
        by = "code" if len(country) <= 3 else "name"
        found = await _search(f"{url.rstrip('/')}/{by}", key, country)
        if not found:
            raise ToolFailure(f"no country found for {country!r}; use its English name or its ISO code")
        return {"countries": [_facts(entry) for entry in found]}

    return tool(get_country_info, idempotent=True, timeout=15)


async def _search(url: str, key: str, country: str) -> list[Json]:
    import httpx2

    from shared.whole_answers import WholeAnswers

    query: dict[str, str | int] = {"q": country, "limit": _MOST_COUNTRIES, "response_fields": _FIELDS}
    try:
        async with WholeAnswers(verify=tls(), timeout=_ANSWER_SECONDS) as client:
            response = await client.get(url, params=query, headers={"Authorization": f"Bearer {key}"})
        if response.status_code == 404:
            return []
        if response.status_code in (401, 403):
            raise ToolFailure("REST Countries refuses this box's key")
        response.raise_for_status()
        return list(response.json()["data"]["objects"])
    except (httpx2.HTTPError, ValueError, LookupError, TypeError) as error:
        raise ToolFailure("REST Countries did not answer as it should; try again later") from error


def _facts(entry: Json) -> Json:
    """What a model wants to know of an entry; services leave out what they do not know."""
    names, codes = entry.get("names") or {}, entry.get("codes") or {}
    return {
        "name": names.get("common"),
        "official_name": names.get("official"),
        "code": codes.get("alpha_2"),
        "capitals": [each.get("name") for each in entry.get("capitals") or []],
        "region": entry.get("region"),
        "subregion": entry.get("subregion"),
        "population": entry.get("population"),
        "area_km2": (entry.get("area") or {}).get("kilometers"),
        "languages": [each.get("name") for each in entry.get("languages") or []],
        "currencies": [f"{each.get('name')} ({each.get('code')})" for each in entry.get("currencies") or []],
        "timezones": entry.get("timezones") or [],
        "borders": entry.get("borders") or [],
    }
