"""Ranking chunks over all segments: BM25, cosine, and both fused by reciprocal rank. Loads numpy: import it late.

The fused rank is the order; the score is the relevance.

BM25 is Lucene's variant, as bm25s has it, but with statistics over every searched segment, so a score does not
depend on how chunks happen to be spread over segments.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.search import terms
from shared.search.base import Embedded, Ranking, Vector
from shared.search.relevance import COSINES, LEAST_CHUNKS, UNMEASURED, relevance
from shared.search.segment import Segment

#: BM25's constants, as they are usually chosen.
K1: Final = 1.5
B: Final = 0.75
#: Reciprocal rank fusion: how much less the second place counts than the first.
FUSION: Final = 10
#: How far down each list is looked at, at least.
DEPTH: Final = 100
#: Rows of vectors widened at once: a block that stays in the processor's cache.
BLOCK: Final = 1024

Scores = NDArray[np.float32]
#: Where a chunk is: number of the part, row in it.
ChunkPlace = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RankedPart:
    """A segment as one store sees it."""

    store_id: str
    segment: Segment
    #: The rows that may be found.
    mask: NDArray[np.bool_]


def rank(
    parts: Sequence[RankedPart], queries: Sequence[str], limit: int, ranking: Ranking, embedded: Sequence[Embedded]
) -> list[tuple[ChunkPlace, float]]:
    """The best places for any of the queries, best first, with their relevance.

    `embedded` holds the queries' vectors in each space: chunks are compared within their own.
    """
    depth = max(DEPTH, 2 * limit)
    ranks: dict[ChunkPlace, float] = {}
    relevances: dict[ChunkPlace, float] = {}
    for number, query in enumerate(queries):
        vectors = {each.name: each.vectors[number] for each in embedded if ranking.embedding_weight > 0}
        found = Found(parts, query if ranking.text_weight > 0 else None, vectors)
        for place, value in fuse(found.lists(ranking, depth)).items():
            ranks[place] = max(value, ranks.get(place, 0.0))
            relevances[place] = max(found.relevance(place), relevances.get(place, 0.0))
    good = [place for place in ranks if relevances[place] >= ranking.score_threshold]
    return [(place, relevances[place]) for place in sorted(good, key=lambda place: -ranks[place])[:limit]]


class Found:
    """What one query finds by words, by its vectors, or by both."""

    def __init__(self, parts: Sequence[RankedPart], query: str | None, vectors: Mapping[str, Vector]):
        self._parts = parts
        self._words = None if query is None else by_words(parts, query)
        self._shares = None if query is None or self._words is None else shares(parts, query, self._words)
        # A query of signs alone has no direction for some embedders.
        self._directed = {name: vector for name, vector in vectors.items() if np.any(vector)}
        self._cosines = [self._by_own_vector(part) for part in parts]

    def _by_own_vector(self, part: RankedPart) -> Scores | None:
        """Cosines within the part's own space; None if the query has no vector there."""
        name = part.segment.header.embedder or ""
        if name not in self._directed or not comparable(part, name, self._directed[name]):
            return None
        [cosines] = by_vector([part], name, self._directed[name])
        return cosines

    def lists(self, ranking: Ranking, depth: int) -> list[tuple[float, list[ChunkPlace]]]:
        """The weighted lists of the best places. Those by vectors are put into one order by what cosines mean there."""
        words = [] if self._words is None else [(ranking.text_weight, self._words)]
        vectors = [(ranking.embedding_weight, self._evidence())] if self._directed else []
        return [(weight, top(scores, self._parts, depth)) for weight, scores in [*words, *vectors]]

    def _evidence(self) -> list[Scores]:
        return [
            np.zeros(part.segment.rows, dtype=np.float32)
            if cosines is None
            else cosines / COSINES.get(part.segment.header.embedder or "", UNMEASURED)
            for part, cosines in zip(self._parts, self._cosines, strict=True)
        ]

    def relevance(self, place: ChunkPlace) -> float:
        """How relevant the chunk is; one without a vector in a space of the query is judged by its words."""
        part, row = place
        share = None if self._shares is None else float(self._shares[part][row])
        found = self._cosines[part]
        cosine = None if found is None else float(found[row])
        return relevance(share, cosine, self._parts[part].segment.header.embedder or "")


def fuse(lists: Sequence[tuple[float, Sequence[ChunkPlace]]]) -> dict[ChunkPlace, float]:
    """Weighted reciprocal rank fusion of non-empty lists; 1.0 means first in all of them."""
    lists = [(weight, places) for weight, places in lists if places]
    most = sum(weight for weight, _ in lists) / (FUSION + 1)
    scores: dict[ChunkPlace, float] = {}
    for weight, places in lists:
        for number, place in enumerate(places, start=1):
            scores[place] = scores.get(place, 0.0) + weight / (FUSION + number) / most
    return scores


def top(scores: Sequence[Scores], parts: Sequence[RankedPart], depth: int) -> list[ChunkPlace]:
    """The `depth` best places of positive score, best first."""
    found: list[tuple[float, ChunkPlace]] = []
    for number, (values, part) in enumerate(zip(scores, parts, strict=True)):
        values = np.where(part.mask, values, 0)
        rows = np.argpartition(values, -depth)[-depth:] if len(values) > depth else np.arange(len(values))
        found += [(float(values[row]), (number, int(row))) for row in rows if values[row] > 0]
    return [place for _, place in sorted(found, key=lambda item: (-item[0], item[1]))[:depth]]


def by_words(parts: Sequence[RankedPart], query: str, least: int = 0) -> list[Scores]:
    """BM25 of every row, as if there were at least so many."""
    total = sum(part.segment.rows for part in parts)
    mean = sum(int(part.segment.arrays.lengths.sum()) for part in parts) / max(total, 1) or 1.0
    norms = [K1 * (1 - B + B * part.segment.arrays.lengths.astype(np.float32) / mean) for part in parts]
    scores = [np.zeros(part.segment.rows, dtype=np.float32) for part in parts]
    for _, spans, weight in weighed(parts, query, least):
        for part, span, norm, values in zip(parts, spans, norms, scores, strict=True):
            rows = part.segment.arrays.chunks[span]
            counts = part.segment.arrays.counts[span].astype(np.float32)
            values[rows] += weight * counts / (counts + norm[rows])
    return scores


def shares(parts: Sequence[RankedPart], query: str, scores: list[Scores]) -> list[Scores]:
    """How much of the query each row has, of 1: its BM25 against that of a chunk full of the words."""
    if sum(part.segment.rows for part in parts) < LEAST_CHUNKS:
        scores = by_words(parts, query, LEAST_CHUNKS)
    most = sum(weight for term, _, weight in weighed(parts, query, LEAST_CHUNKS) if not term.old) or 1.0
    return [values / most for values in scores]


def weighed(parts: Sequence[RankedPart], query: str, least: int) -> Iterator[tuple[terms.Term, list[slice], float]]:
    """The query's terms with their postings in each part, and what each weighs: rare ones more."""
    total = max(sum(part.segment.rows for part in parts), least)
    for term in terms.query_terms(query):
        spans = [postings_of(part.segment, term.hash) for part in parts]
        frequency = sum(span.stop - span.start for span in spans)
        yield term, spans, term.times * math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def postings_of(segment: Segment, term: int) -> slice:
    """The span of a term's postings; empty when the segment does not have it."""
    arrays = segment.arrays
    place = int(np.searchsorted(arrays.terms, np.uint64(term)))
    if place == len(arrays.terms) or int(arrays.terms[place]) != term:
        return slice(0, 0)
    return slice(int(arrays.starts[place]), int(arrays.starts[place + 1]))


def by_vector(parts: Sequence[RankedPart], name: str, vector: Vector) -> list[Scores]:
    """Cosine of every row that was embedded under the same name; 0 for the others."""
    query = np.asarray(vector, dtype=np.float32)
    query = query / (float(np.linalg.norm(query)) or 1.0)
    scores = []
    for part in parts:
        segment = part.segment
        values = np.zeros(segment.rows, dtype=np.float32)
        if comparable(part, name, vector):
            for first in range(0, segment.rows, BLOCK):
                rows = slice(first, first + BLOCK)
                # Not `@`: BLAS would spin up threads for what takes less than a millisecond.
                values[rows] = np.einsum("ij,j->i", segment.arrays.vectors[rows].astype(np.float32), query)
            values *= segment.arrays.scales
        scores.append(values)
    return scores


def comparable(part: RankedPart, name: str, vector: Vector) -> bool:
    """Whether the part's vectors are of the same space as this one of that embedder."""
    return part.segment.header.embedder == name and part.segment.dimensions == len(vector)
