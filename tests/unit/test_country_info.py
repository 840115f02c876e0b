"""`get_country_info` against a local REST Countries."""

from __future__ import annotations

import json

import pytest

from shared.tools.get_country_info import get_country_info_tool
from tests.fakes.countries import KEY, FakeCountries
from tests.fakes.tool_context import CONTEXT


@pytest.fixture
async def atlas():
    fake = FakeCountries()
    await fake.start()
    yield fake
    await fake.stop()


async def ask(atlas, country: str, key: str = KEY) -> str:
    return await get_country_info_tool(atlas.url + "/", key).run(json.dumps({"country": country}), CONTEXT)


@pytest.mark.parametrize("country", ["Norway", "kingdom of norway", "NO", "nor"])
async def test_the_facts_of_a_country(atlas, country):
    assert json.loads(await ask(atlas, country))["countries"] == [
        {
            "name": "Norway",
            "official_name": "Kingdom of Norway",
            "code": "NO",
            "capitals": ["Oslo"],
            "region": "Europe",
            "subregion": "Northern Europe",
            "population": 5_606_944,
            "area_km2": 323_802,
            "languages": ["Norwegian Bokmål", "Sami"],
            "currencies": ["Norwegian krone (NOK)"],
            "timezones": ["UTC+01:00"],
            "borders": ["FIN", "SWE", "RUS"],
        }
    ]


@pytest.mark.parametrize("country", ["Atlantis", "../../admin", "a&q=Norway", "XX"])
async def test_an_unknown_country_is_told(atlas, country):
    assert (await ask(atlas, country)).startswith(f"Error: no country found for {country!r}")


async def test_a_404_is_an_unknown_country_too(atlas):
    atlas.broken = 404
    assert (await ask(atlas, "Norway")).startswith("Error: no country found")


@pytest.mark.parametrize("broken", [429, 500, 301, "", "[]", "{}", '{"data": null}', '{"data": {"objects": null}}'])
async def test_a_service_in_trouble_is_told(atlas, broken):
    atlas.broken = broken
    assert await ask(atlas, "Norway") == "Error: REST Countries did not answer as it should; try again later"


async def test_no_service_is_told(atlas):
    await atlas.stop()
    assert "did not answer" in await ask(atlas, "Norway")


async def test_what_the_service_does_not_know_is_left_open(atlas):
    atlas.broken = '{"data": {"objects": [{"names": {"common": "Antarctica"}, "area": null, "capitals": null}]}}'
    (country,) = json.loads(await ask(atlas, "Antarctica"))["countries"]
    assert (country["name"], country["capitals"], country["area_km2"]) == ("Antarctica", [], None)


async def test_a_wrong_key_is_told_without_repeating_it(atlas):
    assert await ask(atlas, "Norway", "secret") == "Error: REST Countries refuses this box's key"


async def test_a_missing_key_names_the_setting(atlas):
    assert "REST_COUNTRIES_KEY" in await ask(atlas, "Norway", "")
