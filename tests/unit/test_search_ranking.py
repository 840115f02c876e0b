"""Ranking against bm25s as the oracle, and the rules of fusion."""

from __future__ import annotations

import bm25s
import numpy as np
import pytest

from shared.search.base import Chunk, Embedded, Ranking
from shared.search.embeddings.hashed import vector
from shared.search.merging import alive, make
from shared.search.ranking import RankedPart, by_vector, by_words, fuse, rank
from shared.search.segment import decode
from shared.search.terms import STOPWORDS

TEXTS = [
    "the quick brown fox jumps over the lazy dog",
    "a fox is a fox is a fox",
    "dogs and foxes are different animals",
    "brown bread, brown sugar and a quick breakfast",
    "nothing of interest",
]


def part(texts: list[str], embedded: Embedded | None = None) -> RankedPart:
    head, _, _ = make("file-a", [Chunk(text) for text in texts], embedded)
    segment = decode("s", head)
    return RankedPart("vs_a", segment, alive(segment, set()))


@pytest.mark.parametrize("query", ["quick brown fox", "fox", "fox fox dog", "bread or dogs"])
def test_scores_by_words_are_those_of_bm25s(query):
    oracle = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    oracle.index(bm25s.tokenize(TEXTS, stopwords="english", show_progress=False), show_progress=False)
    [tokens] = bm25s.tokenize([query], stopwords="english", show_progress=False, return_ids=False)
    [scores] = by_words([part(TEXTS)], query)
    np.testing.assert_allclose(scores, oracle.get_scores(tokens), rtol=1e-5)


def test_scores_do_not_depend_on_how_chunks_are_spread():
    [together] = by_words([part(TEXTS)], "quick brown fox")
    apart = by_words([part(TEXTS[:2]), part(TEXTS[2:])], "quick brown fox")
    np.testing.assert_allclose(np.concatenate(apart), together, rtol=1e-6)


def test_eight_bits_are_enough_for_cosines():
    random = np.random.default_rng(3)
    vectors = random.standard_normal((200, 256))
    query = vectors[7] + 0.5 * random.standard_normal(256)
    exact = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    [scores] = by_vector([part(["x"] * 200, Embedded("m", vectors.tolist()))], "m", query.tolist())
    np.testing.assert_allclose(scores, exact, atol=0.01)
    assert int(np.argmax(scores)) == 7


def test_first_in_every_list_scores_one_and_weights_count():
    a, b, c = (0, 0), (0, 1), (0, 2)
    scores = fuse([(1.0, [a, b]), (1.0, [a, c])])
    assert scores[a] == pytest.approx(1.0)
    assert scores[b] == scores[c] == pytest.approx(11 / 24)
    weighted = fuse([(3.0, [a, b]), (1.0, [b, a])])
    assert weighted[a] > weighted[b]


def test_an_empty_list_does_not_count():
    assert fuse([(1.0, [(0, 0)]), (1.0, [])]) == {(0, 0): pytest.approx(1.0)}
    assert fuse([]) == {}


def test_of_several_queries_the_best_place_counts():
    [(place, score), *_] = rank([part(TEXTS)], ["fox", "quick fox dog animals brown"], 5, Ranking(), [])
    assert place == (0, 1)
    assert score == rank([part(TEXTS)], ["fox"], 5, Ranking(), [])[0][1]


def scores(query: str, embedded: Embedded | None = None, texts: list[str] = TEXTS, **options: float) -> list[float]:
    """The scores of all texts; vectors are those of the embedder without a model."""
    parts = [part(texts, made(texts) if embedded else None)]
    found = dict(rank(parts, [query], 50, Ranking(**options), [embedded] if embedded else []))
    return [found.get((0, row), 0.0) for row in range(len(texts))]


def made(texts: list[str]) -> Embedded:
    return Embedded("hashed-1024", [vector(text, STOPWORDS) for text in texts])


@pytest.mark.parametrize("by", ["words", "vectors", "both"])
def test_a_score_tells_relevance_however_it_was_found(by):
    texts = [
        "Tomatoes like sun. Water the beds in the morning and mulch them well.",
        "Check the brakes and oil the chain before each ride.",
        "Knead the dough for ten minutes and let it rise overnight.",
    ]
    options = {"text_weight": 0.0} if by == "vectors" else {}
    for query in ("renew my passport at the embassy", "quantum chromodynamics lattice spacing", "invoice due"):
        embedded = None if by == "words" else made([query])
        assert max(scores(query, embedded, texts, **options)) < 0.5
    embedded = None if by == "words" else made(["oil the chain"])
    found = scores("oil the chain", embedded, texts, **options)
    assert found[1] > 0.5 > max(found[0], found[2])


def test_the_size_of_the_store_does_not_make_a_text_relevant():
    """In a store of one text every word is as common as can be."""
    [alone] = scores("oil the chain", texts=["Check the brakes and oil the chain before each ride."])
    assert alone > 0.5


def test_a_text_that_only_its_vector_finds_is_as_relevant_as_its_cosine():
    embedded = Embedded("m", [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    parts = [part(["feline", "kitten and kitty", "engine"], embedded)]
    found = dict(rank(parts, ["kitty"], 5, Ranking(score_threshold=0.6), [Embedded("m", [[1.0, 0.1]])]))
    assert set(found) == {(0, 0), (0, 1)}


def test_texts_of_another_model_are_judged_by_their_words():
    old, new = part(["the quick brown fox"], Embedded("old", [[1.0]])), part(["engine"], Embedded("new", [[1.0, 0.0]]))
    found = dict(rank([old, new], ["quick brown fox"], 5, Ranking(), [Embedded("new", [[0.0, 1.0]])]))
    assert found[0, 0] > 0.5


@pytest.mark.parametrize("query", ["C++", "3.5 %"])
def test_a_query_without_a_direction_is_judged_by_its_words(query):
    texts = ["We write C++ here.", "The rate is 3.5% now.", "Nothing of interest, at all."]
    assert max(scores(query, made([query]), texts)) > 0.5
