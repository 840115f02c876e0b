"""What a hit's score says: how much of the question it answers, 0..1, the same by words, by vectors and by both.

0.5 is where, measured by `python -m bench.retrieval`, right answers and texts about something else part. It depends on
the chunk and the question alone, not on the rank; the number of chunks only weighs the words.
"""

from __future__ import annotations

from typing import Final

#: The share of a question's words, weighed by how rare and how often they are in the chunk, that scores 0.5.
WORDS: Final = 0.2
#: By embedder: the cosine that scores 0.5. Only what was measured stands here.
COSINES: Final = {"hashed-1024": 0.23}
#: For all other models; their scores are not calibrated.
UNMEASURED: Final = 0.5
#: Words are weighed as if a store had at least so many chunks: in a store of three every word is common.
LEAST_CHUNKS: Final = 100


def relevance(words: float | None, cosine: float | None, embedder: str) -> float:
    """The score; None is a signal that there is none of. A text that only its vector finds is as good as its cosine."""
    by_words = None if words is None else words / WORDS
    by_cosine = None if cosine is None else max(cosine, 0.0) / COSINES.get(embedder, UNMEASURED)
    if by_words is None:
        return score(by_cosine or 0.0)
    return score(by_words if by_cosine is None else max(by_cosine, (by_words + by_cosine) / 2))


def score(evidence: float) -> float:
    """0 without evidence, 0.5 at one, near 1 at three."""
    return evidence**2 / (1 + evidence**2)
