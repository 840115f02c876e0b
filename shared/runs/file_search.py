"""File search: the model's queries over the vector stores of assistant and thread, with markers it can cite."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared import layout
from shared.deps import Caller, Deps
from shared.errors import ApiError, NotFoundError
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.objects.tools.tools import DEFAULT_RANKER
from shared.objects.vector_store import SearchResult
from shared.runs.markers import Markers
from shared.runs.prompt.shorten import shortened
from shared.runs.prompt.tokens import text_tokens
from shared.runs.tool_call_views import CallView, SearchView
from shared.runs.tool_calls import ATTEMPTS, STOPPED, Handler, ToolResult, built_in_function, refused
from shared.search.base import IndexUnavailable
from shared.vector_stores import stores
from shared.vector_stores.search import RUN_RESULTS, SearchOptions, search_stores

logger = logging.getLogger(__name__)

NAME: Final = "file_search"
#: Models with a small window get fewer results unless more are asked for; Azure writes them without the dot.
SMALL_MODELS: Final = ("gpt-3.5", "gpt-35")
#: Results for these.
SMALL_RESULTS: Final = 5
#: Tokens of results that a call gives to the model, as the hosted tool did; fewer for models with a small window.
OUTPUT_TOKENS: Final = 16_000
SMALL_OUTPUT_TOKENS: Final = 4_000
#: No text packs more into a token for long, whatever the estimate says of it.
CHARACTERS_PER_TOKEN: Final = 5
#: Seconds from the run's start that files of the thread's own store are waited for.
INDEXING_WAIT: Final = 60
#: Seconds between two looks at them.
INDEXING_POLL: Final = 0.5
#: Queries of one call.
MOST_QUERIES: Final = 5
#: What the model is told of a thread's stores that are Foundry's.
IN_AZURE: Final = "(The conversation also names data in Azure, which cannot be searched here. Tell the user.)"

DESCRIPTION: Final = """\
Search the files the user has uploaded. Each result begins with a marker such as 【4:0†name.pdf】.
When you use a result, cite it: put its marker, exactly as it is, right behind the statement it supports."""


@dataclass(frozen=True, slots=True)
class FileSearch:
    """File search in one run: carries out its calls, and numbers the results so that answers can cite them."""

    deps: Deps
    record: RunRecord
    markers: Markers
    attempts: int | None = ATTEMPTS
    side_effects: bool = False
    needs_approval: bool = False

    @property
    def definition(self) -> Json:
        queries = {
            "type": "array",
            "items": {"type": "string"},
            "description": "What to look for, in several wordings.",
        }
        return built_in_function(NAME, DESCRIPTION, "queries", queries)

    @property
    def _settings(self) -> Json:
        return next((tool.get(NAME) or {} for tool in self.record.run.tools if tool["type"] == NAME), {})

    @property
    def _ranking(self) -> Json:
        asked = self._settings.get("ranking_options") or {}
        return {"ranker": asked.get("ranker", DEFAULT_RANKER), "score_threshold": asked.get("score_threshold", 0.0)}

    @property
    def _is_small(self) -> bool:
        return self.record.run.model.startswith(SMALL_MODELS)

    def view(self, call_id: str) -> CallView:
        return SearchView(call_id, self._ranking)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        return refused(self.view(call_id), arguments, STOPPED)

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        call, queries = self.view(call_id).call(arguments), queries_of(arguments)
        if not queries:
            return ToolResult('Error: the arguments must be JSON such as {"queries": ["..."]}.', call)
        try:
            results, in_azure = await self._search(queries)
        except (ApiError, IndexUnavailable) as error:
            logger.warning("search failed", extra={"action": "search_failed", "run_id": self.record.run.id})
            return ToolResult(f"Error: {error}", call)
        markers = self.markers.reserve([each.filename for each in results])
        texts = [f"{mark}\n{text_of(result)}" for mark, result in zip(markers, results, strict=True)]
        told = within(texts, SMALL_OUTPUT_TOKENS if self._is_small else OUTPUT_TOKENS)
        sources = {mark: result.file_id for mark, result in zip(markers, results[: len(told)], strict=False)}
        call[NAME]["results"] = [shown(result) for result in results]
        if len(told) < len(texts):
            told.append(f"({len(texts) - len(told)} more results left out)")
        if in_azure:
            told.append(IN_AZURE)
        return ToolResult("\n\n".join(told) or "(nothing found)", call, sources=sources)

    async def _search(self, queries: list[str]) -> tuple[list[SearchResult], bool]:
        """What was found, and whether the thread names data in Azure besides, which nobody searches."""
        of_assistant = self.record.resources.get(NAME, {}).get("vector_store_ids", [])
        thread = await thread_resources(self.deps, self.record)
        of_thread = [each for each in thread.get("vector_store_ids", []) if await self._is_ready(each)]
        options = SearchOptions(
            limit=self._settings.get("max_num_results") or (SMALL_RESULTS if self._is_small else RUN_RESULTS),
            score_threshold=self._ranking["score_threshold"],
        )
        store_ids = [*dict.fromkeys([*of_assistant, *of_thread])]
        caller = Caller(self.deps, self.record.owner)
        found = await search_stores(caller, store_ids, queries, options) if store_ids else []
        return found, bool(thread.get("vector_stores"))

    async def _is_ready(self, store_id: str) -> bool:
        """Whether the store still exists; files attached a moment ago are waited for, but not for ever."""
        until = (self.record.run.started_at or 0) + INDEXING_WAIT
        while True:
            try:
                store = await stores.get(Caller(self.deps, self.record.owner), store_id)
            except NotFoundError:
                return False
            if store["file_counts"]["in_progress"] == 0 or self.deps.clock() >= until:
                return True
            await asyncio.sleep(INDEXING_POLL)


def handlers(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """File search, for a run that has it."""
    return [FileSearch(deps, record, Markers(record))]


async def thread_resources(deps: Deps, record: RunRecord) -> Json:
    """The thread's stores, read now: messages that came before the run may have made one; one may be gone by now."""
    thread = await deps.store.get(layout.thread(record.owner, record.run.thread_id), layout.THREAD_KEY)
    resources: Json = {} if thread is None else thread.data["tool_resources"].get(NAME, {})
    return resources


async def thread_stores(deps: Deps, record: RunRecord) -> list[str]:
    """The ids of the thread's stores, read now."""
    store_ids: list[str] = (await thread_resources(deps, record)).get("vector_store_ids", [])
    return store_ids


def queries_of(arguments: str) -> list[str]:
    """The queries in the call's arguments; models also send a single one, or call it `query`."""
    try:
        parsed: Any = json.loads(arguments)
    except ValueError:
        return []
    found = (parsed.get("queries") or parsed.get("query")) if isinstance(parsed, dict) else None
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return [each for each in listed if isinstance(each, str) and each.strip()][:MOST_QUERIES]


def within(texts: Sequence[str], tokens: int) -> list[str]:
    """The first texts, as many as weigh no more together; of one that is too long by itself, its ends."""
    total, fitting = 0, []
    for text in texts:
        total += max(text_tokens(text), -(-len(text) // CHARACTERS_PER_TOKEN))
        if total > tokens:
            break
        fitting.append(text)
    return fitting or [shortened(text, tokens) for text in texts[:1]]


def text_of(result: SearchResult) -> str:
    """The text of a result, its pieces joined by line breaks."""
    return "\n".join(part.text for part in result.content)


def shown(result: SearchResult) -> Json:
    """A result as the step has it; answers leave `content` out unless it is asked for."""
    return {
        "file_id": result.file_id,
        "file_name": result.filename,
        "score": result.score,
        "attributes": result.attributes,
        "content": [{"type": "text", "text": part.text} for part in result.content],
    }
