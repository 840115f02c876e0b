"""Searching vector stores: for the search call, and for a run's file search."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from shared import ids, layout
from shared.deps import Caller, Deps
from shared.json_types import Json
from shared.objects.vector_store import ItemRecord, SearchPage, SearchResult, TextContent
from shared.objects.vector_store_requests import SearchVectorStore
from shared.search.base import Embedded, EmbeddingRefused, EmbeddingUnavailable, Hit, Ranking, Scope
from shared.search.filters import matches
from shared.vector_stores import stores
from shared.vector_stores.rows import index_of, item_row

logger = logging.getLogger(__name__)

#: Rows read at once.
STRIDE: Final = 1000
#: Results of a run's file search, and of the search call, unless asked otherwise.
RUN_RESULTS: Final = 20
CALL_RESULTS: Final = 10


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """The limits of a search: how many results, of what least score, and which attributes."""

    limit: int = RUN_RESULTS
    score_threshold: float = 0.0
    #: False: by meaning alone, as the ranker `none` asks.
    hybrid: bool = True
    filters: Json | None = None


async def search_stores(
    caller: Caller, store_ids: Sequence[str], queries: Sequence[str], options: SearchOptions
) -> list[SearchResult]:
    """The best chunks in all of the stores, best first. Raises NotFoundError, or InvalidRequest for expired ones."""
    await stores.touch(caller, store_ids)
    stores_of = {await index_of(caller, store_id): store_id for store_id in store_ids}
    scopes = [Scope(index, await _allowed(caller, store_id, options.filters)) for index, store_id in stores_of.items()]
    ranking = Ranking(text_weight=1.0 if options.hybrid else 0.0, score_threshold=options.score_threshold)
    embed = partial(_embed, caller.deps, queries)
    with caller.deps.telemetry.search(store_ids, queries):
        hits = await caller.deps.index.search(scopes, queries, options.limit, ranking, embed)
    places = dict.fromkeys((hit.store_id, hit.file_id) for hit in hits)
    rows = await asyncio.gather(*(item_row(caller, stores_of[index], file_id) for index, file_id in places))
    items = {place: row[0] for place, row in zip(places, rows, strict=True) if row is not None}
    return [_result(hit, items[hit.store_id, hit.file_id]) for hit in hits if (hit.store_id, hit.file_id) in items]


async def search(caller: Caller, store_id: str, body: SearchVectorStore) -> Json:
    """The search call. Raises NotFoundError or InvalidRequest."""
    await stores.active(caller, store_id)
    asked = body.ranking_options
    options = SearchOptions(
        limit=CALL_RESULTS if body.max_num_results is None else body.max_num_results,
        score_threshold=0.0 if asked is None else asked.score_threshold or 0.0,
        hybrid=asked is None or asked.ranker != "none",
        filters=body.filters,
    )
    results = await search_stores(caller, [store_id], body.queries(), options)
    return SearchPage(search_query=body.queries(), data=results).to_json()


async def _allowed(caller: Caller, store_id: str, filters: Json | None) -> set[str] | None:
    """The files whose attributes pass the filters; None: all."""
    if filters is None:
        return None
    record, _ = await stores.row(caller, store_id)
    allowed: set[str] = set()
    for first in range(0, record.next, STRIDE):
        low, high = ids.key_at(layout.ITEM, first), ids.key_at(layout.ITEM, min(first + STRIDE, record.next))
        for row in await caller.deps.store.scan(layout.vector_store(caller.owner, store_id), low, high, STRIDE):
            if matches(filters, row.data["file"]["attributes"]):
                allowed.add(row.data["file"]["id"])
    return allowed


async def _embed(deps: Deps, queries: Sequence[str], name: str) -> Embedded | None:
    """The queries' vectors by the embedder of that name; without it, words must do."""
    embedder, reason = deps.embedders.of(name), "NoEmbedder"
    try:
        if embedder is not None:
            return Embedded(name, await embedder.embed(queries))
    except (EmbeddingUnavailable, EmbeddingRefused) as error:
        reason = type(error).__name__
    logger.warning("query not embedded", extra={"action": "query_not_embedded", "embedder": name, "reason": reason})
    return None


def _result(hit: Hit, item: ItemRecord) -> SearchResult:
    return SearchResult(
        file_id=hit.file_id,
        filename=item.filename,
        score=hit.score,
        attributes=item.file.attributes,
        content=[TextContent(text=hit.text)],
    )
