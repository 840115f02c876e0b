"""Indexes of Azure AI Search, offered to the model as one function that searches them all.

`tool_resources.azure_ai_search.indexes` names them; the operator has credentials for their services (CONNECTIONS).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

from shared.deps import Deps
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.runs.markers import Markers
from shared.runs.offered_names import offered_name
from shared.runs.server_credentials import headers_of
from shared.runs.tool_call_views import CallView, Written
from shared.runs.tool_calls import UNKNOWN, Handler, ToolResult, built_in_function, permitted, refused, told, verdict_on
from shared.search.citations import is_address
from shared.tools.base import LONGEST_OUTPUT, ToolFailure, arguments_object
from shared.tools.search_service import SearchQuery, SearchService

KIND: Final = "azure_ai_search"
DESCRIPTION: Final = """\
Search the documents of this assistant's indexes. Answer from what is found. Some documents begin with a marker such as
【4:0†title】: when you use one, cite it: put its marker, exactly as it is, right behind the statement it supports. Of
the others name the title."""
WORDS: Final = "What to look for, in words that the documents may have."
#: Documents of an index, unless it is said, and at most.
DOCUMENTS: Final = 5
MOST_DOCUMENTS: Final = 50
#: Where numbers in markers begin: calls of file search in the same turn have lower ones.
FIRST_MARKER: Final = 100_000
#: Fields in which indexes keep a document's address and title, the usual names first; blob indexers fill the last.
ADDRESSES: Final = ("url", "uri", "link", "source_url", "metadata_storage_path")
TITLES: Final = ("title", "name", "metadata_storage_name")
#: Characters of an address that is cited.
LONGEST_ADDRESS: Final = 2048


@dataclass(frozen=True, slots=True)
class IndexView:
    """A call: `{"id", "type": "azure_ai_search", "azure_ai_search": {"input", "output"}}`, both texts."""

    call_id: str
    _query: Written = field(default_factory=lambda: Written("query"))

    def opening(self) -> Json:
        return self._with({"input": "", "output": ""})

    def feed(self, arguments: str) -> Json | None:
        more = self._query.more(arguments)
        return {"type": KIND, KIND: {"input": more}} if more else None

    def call(self, arguments: str) -> Json:
        return self._with({"input": _query(arguments), "output": ""})

    def asked(self, arguments: str) -> Json:
        return self._with({"input": _query(arguments)})

    def _with(self, details: Json) -> Json:
        return {"id": self.call_id, "type": KIND, KIND: details}


@dataclass(frozen=True, slots=True)
class IndexSearch:
    """The search of a run's indexes, as the model is offered it."""

    deps: Deps
    indexes: list[Json]
    definition: Json
    needs_approval: bool
    markers: Markers
    attempts: int | None = None
    side_effects: bool = False

    def view(self, call_id: str) -> CallView:
        return IndexView(call_id)

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        sources: dict[str, str] = {}
        result = await told(self, call_id, arguments, self._search_all(arguments, sources))
        return replace(result, sources=sources)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        return refused(self.view(call_id), arguments, UNKNOWN)

    async def _search_all(self, arguments: str, sources: dict[str, str]) -> str:
        """What the indexes have; what of it may be cited goes into `sources`. Raises ToolFailure."""
        query = arguments_object(arguments).get("query")
        if not isinstance(query, str) or not query.strip():
            raise ToolFailure("'query' must be a text")
        found = await asyncio.gather(*(self._search(each, query, sources) for each in self.indexes))
        if not found:
            raise ToolFailure("this run has no 'tool_resources.azure_ai_search.indexes'")
        return "\n\n".join(found)

    async def _search(self, index: Json, query: str, sources: dict[str, str]) -> str:
        """What an index has, or why it cannot be searched: the others still can."""
        try:
            name, service = index.get("index_name"), await self._service(index)
            if not name:
                raise ToolFailure("an index must be named by 'index_connection_id' and 'index_name'")
            limit = min(max(index.get("top_k") or DOCUMENTS, 1), MOST_DOCUMENTS)
            asked = SearchQuery(query, index.get("query_type") or "simple", limit, index.get("filter"))
            documents = await service.search(name, asked)
        except ToolFailure as failure:
            return f"Error: {failure}"
        return self._told(documents, sources) or "(nothing found)"

    def _told(self, documents: list[Json], sources: dict[str, str]) -> str:
        """Documents as the model reads them: those that have an address with a marker in front, for citations."""
        cited = {place: address for place, each in enumerate(documents) if (address := address_of(each)) is not None}
        marks = dict(zip(cited, self.markers.reserve([title_of(documents[each]) for each in cited]), strict=True))
        texts = [json.dumps(each, ensure_ascii=False) for each in documents]
        marked = [f"{marks[place]}\n{text}" if place in marks else text for place, text in enumerate(texts)]
        told = within(marked, LONGEST_OUTPUT // len(self.indexes))
        sources |= {mark: cited[place] for place, mark in marks.items() if mark in told}
        return told

    async def _service(self, index: Json) -> SearchService:
        if index.get("index_asset_id") and not index.get("index_connection_id"):
            raise ToolFailure("an asset of a Foundry project is not known here: use 'index_connection_id'")
        name = (index.get("index_connection_id") or "").rpartition("/")[2]
        connection = self.deps.settings.connections.get(name)
        if connection is None:
            raise ToolFailure(f"this box has no connection '{name}' (CONNECTIONS)")
        return SearchService(connection.url, await headers_of(self.deps, connection))


def handlers(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """The search of the run's indexes, which the operator may deny."""
    verdict = verdict_on(deps, record, KIND)
    name = offered_name(KIND, KIND, taken)
    definition = built_in_function(name, DESCRIPTION, "query", {"type": "string", "description": WORDS})
    indexes = (record.resources.get(KIND) or {}).get("indexes") or []
    search = IndexSearch(deps, indexes, definition, verdict == "ask", Markers(record, FIRST_MARKER))
    return permitted([search], verdict, KIND)


def address_of(document: Json) -> str | None:
    """The web address that a document has, if it has one."""
    found = (document.get(name) for name in ADDRESSES)
    return next((each for each in found if isinstance(each, str) and _is_web_address(each)), None)


def title_of(document: Json) -> str:
    """What a document is called: its title, else its address."""
    found = (document.get(name) for name in TITLES)
    return next((each for each in found if isinstance(each, str) and each.strip()), address_of(document) or "")


def _is_web_address(text: str) -> bool:
    return is_address(text) and len(text) <= LONGEST_ADDRESS and not any(each.isspace() for each in text)


def within(texts: list[str], characters: int) -> str:
    """The texts, an empty line between them, as far as they fit; what does not is counted."""
    told: list[str] = []
    for text in texts:
        cut = text[:characters]
        if told and len(text) > characters:
            break
        told.append(cut)
        characters -= len(cut)
    left = len(texts) - len(told)
    return "\n\n".join([*told, f"({left} more documents left out)"] if left else told)


def _query(arguments: str) -> str:
    """What is looked for, as steps show it; what cannot be read, as it is."""
    try:
        query: Any = arguments_object(arguments).get("query")
    except ToolFailure:
        return arguments
    return query if isinstance(query, str) else arguments
