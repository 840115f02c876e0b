"""Web search by the model's provider, inside of a turn: what it is told, and what clients see of searches and sources.

Foundry's grounding with Bing becomes this, too. A search is the provider's own item of the turn:

`{"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "rain Oslo"}}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from shared import ids
from shared.json_types import Json

#: What the provider's tool is called, now and before.
OWN: Final = ("web_search", "web_search_preview")
#: Foundry's kinds for which it stands in.
BING: Final = ("bing_grounding", "bing_custom_search")
COUNTRY: Final = re.compile(r"[a-z]{2,3}-([A-Z]{2})")
#: Where programs of Foundry find what was searched for: they read the `q` of such an address.
SEARCH_PAGE: Final = "https://www.bing.com/search"


def declare(tool: Json) -> Json:
    """The tool as the Responses API takes it. Of Bing's settings only the market has a counterpart: the country."""
    if tool["type"] in OWN:
        return tool
    configurations = (tool.get(tool["type"]) or {}).get("search_configurations") or [{}]
    market = COUNTRY.fullmatch(configurations[0].get("market") or "")
    located = {} if market is None else {"user_location": {"type": "approximate", "country": market[1]}}
    return {"type": OWN[0], **located}


def shown(kind: str, item: Json) -> Json:
    """A search as a run step shows it, by the kind of tool that the run has."""
    action: Json = item.get("action") or {}
    asked = action.get("query") or " ".join(action.get("queries") or ())
    page = action.get("url") or ""
    if kind in BING:
        details = {"requesturl": page or f"{SEARCH_PAGE}?{urlencode({'q': asked})}"}
    else:
        details = {name: value for name, value in (("query", asked), ("url", page)) if value}
    return {"id": item.get("id") or ids.call_id(), "type": kind, kind: details}


def citations(text: str, annotations: Iterable[Json]) -> list[Json]:
    """The provider's citations of pages as messages have them; those that do not fit the text are left out."""
    found = (each for each in annotations if each.get("type") == "url_citation" and isinstance(each.get("url"), str))
    return [
        {
            "type": "url_citation",
            "text": text[each["start_index"] : each["end_index"]],
            "start_index": each["start_index"],
            "end_index": each["end_index"],
            "url_citation": {"url": each["url"], "title": str(each.get("title") or "")},
        }
        for each in found
        if _fits(each.get("start_index"), each.get("end_index"), len(text))
    ]


def _fits(start: object, end: object, length: int) -> bool:
    return isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= length
