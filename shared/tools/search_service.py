"""A service of Azure AI Search, by its REST API: the documents of an index that match, without their vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from shared.backoff import Backoff
from shared.json_types import Json
from shared.tools import reach
from shared.tools.base import ToolFailure

API_VERSION: Final = "2024-07-01"
#: Seconds of a request, bytes of an answer, characters of what went wrong.
ANSWER_SECONDS: Final = 30.0
MOST_BYTES: Final = 4_000_000
LONGEST_REASON: Final = 300
#: How a service refuses what it has no room for at the moment, and when it is asked again, within ANSWER_SECONDS.
BUSY: Final = (429, 503)
PAUSES: Final = Backoff(first=1.0, factor=3.0, attempts=4, spread=(0.75, 1.25))
KINDS: Final = ("simple", "semantic", "vector", "vector_simple_hybrid", "vector_semantic_hybrid")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What is looked for: words, how they are understood (one of KINDS), how many documents, and which of all."""

    words: str
    kind: str
    limit: int
    filter: str | None


@dataclass(frozen=True, slots=True)
class SearchService:
    """One service. The operator named it, so it may be anywhere."""

    url: str
    headers: Mapping[str, str] = field(repr=False)

    async def search(self, index: str, query: SearchQuery) -> list[Json]:
        """The best documents of an index. Raises ToolFailure."""
        if query.kind not in KINDS:
            raise ToolFailure(f"there is no query type '{query.kind}'")
        name = quote(index.replace("'", "''"), safe="")
        path = f"indexes('{name}')"
        body: Json = {"top": query.limit}
        if query.filter:
            body["filter"] = query.filter
        if query.kind != "vector":
            body["search"] = query.words
        if query.kind != "simple":
            # Which fields have vectors, and how its texts are ranked by meaning, the index says itself.
            definition = await self._ask("GET", path)
            try:
                body |= _by_meaning(definition, query)
            except (AttributeError, LookupError, TypeError) as error:
                raise ToolFailure("the index's definition cannot be read") from error
        found = (await self._ask("POST", f"{path}/docs/search", body)).get("value")
        if not isinstance(found, list):
            raise ToolFailure("the search service's answer is not the one of a search service")
        return [_plain(each) for each in found if isinstance(each, dict)]

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        import httpx2

        parts = urlsplit(self.url)
        trusted = {(parts.hostname or "").lower()}
        url = f"{self.url.rstrip('/')}/{path}"
        try:
            client = reach.client(trusted, MOST_BYTES, timeout=ANSWER_SECONDS)
            async with asyncio.timeout(ANSWER_SECONDS), client:
                request = client.build_request(
                    method, url, params={"api-version": API_VERSION}, json=body, headers=dict(self.headers)
                )
                response = await client.send(request)
                for pause in PAUSES.delays():
                    if response.status_code not in BUSY:
                        break
                    await asyncio.sleep(pause)
                    response = await client.send(request)
                answer: Any = response.json()
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise ToolFailure(f"the search service did not answer within {ANSWER_SECONDS:g} seconds") from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            ours = reach.told(error, "the search service")
            raise ToolFailure(ours or f"the search service was not reached: {type(error).__name__}") from error
        except (ValueError, RecursionError) as error:
            raise ToolFailure(f"the search service answered no JSON (HTTP {response.status_code})") from error
        if response.status_code >= 300 or not isinstance(answer, dict):
            raise ToolFailure(f"the search service answered HTTP {response.status_code}: {_reason(answer)}")
        return answer


def _by_meaning(index: Json, query: SearchQuery) -> Json:
    """What a query of another kind than `simple` needs of an index's definition. Raises ToolFailure."""
    body: Json = {}
    if query.kind.startswith("vector"):
        fields = [each["name"] for each in index.get("fields") or () if each.get("dimensions")]
        if not fields:
            raise ToolFailure("the index has no fields with vectors")
        vector = {"kind": "text", "text": query.words, "fields": ",".join(fields), "k": query.limit}
        body["vectorQueries"] = [vector]
    if "semantic" in query.kind:
        semantic = index.get("semantic") or {}
        named = [each["name"] for each in semantic.get("configurations") or ()]
        configuration = semantic.get("defaultConfiguration") or next(iter(named), None)
        if configuration is None:
            raise ToolFailure("the index has no semantic configuration")
        body |= {"queryType": "semantic", "semanticConfiguration": configuration}
    return body


def _plain(document: Json) -> Json:
    """A document as a model reads it: without annotations of the service, empty fields and vectors."""
    return {
        name: value
        for name, value in document.items()
        if not name.startswith("@") and value not in (None, "", []) and not _is_vector(value)
    }


def _is_vector(value: Any) -> bool:
    """Whether it is many numbers, not all of them whole; the service writes 1.0 as 1."""
    if not isinstance(value, list) or len(value) < 2:
        return False
    return {float} <= {type(each) for each in value} <= {float, int}


def _reason(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("message") if isinstance(error, dict) else "no reason")[:LONGEST_REASON]
