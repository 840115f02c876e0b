"""Text to search terms: folded words without English stop words, terms with signs and single letters, as 64-bit hashes.

Stop words are bm25s's; hashes spare the index a vocabulary of strings. Loads numpy: import it late.

Indexes of version 0.1 hold words that were made small but not folded: a query's words go in both spellings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
from bm25s.stopwords import STOPWORDS_EN
from numpy.typing import NDArray

from shared.search.folding import folded

#: Words of two letters or more, and single characters of scripts that are written without spaces.
WORD: Final = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|(?:[^\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]){2,}"
)
#: Where a number begins, and no part of one: what starts anew at each of a million digits never ends.
NUMBER: Final = r"(?<!\d)(?<!\d[.,])\d++"
#: What would fall into single letters and digits, or lose what tells it apart: C++, C#, .NET, R&D, U.S., 3.5 and 5 %.
SIGNED: Final = re.compile(
    r"(?<!\w)(?:[a-z]{1,2}(?:\+\+|#)|\.[a-z]{3,}|[a-z]{1,3}(?:&[a-z]{1,3})+(?!\w)|[a-z](?:\.[a-z])+(?!\w))"
    rf"|{NUMBER}(?:[.,]\d++)++"
)
#: A letter or digit that stands alone, as in vitamin C or turbine 7; no part of U.S., 3.5 or don't, no "a" and no "I".
SINGLE: Final = re.compile(r"(?<![\w.,&'’])[b-hj-z0-9](?![\w+#&'’]|[.,]\w|\s?%)")
PERCENT: Final = re.compile(rf"({NUMBER}(?:[.,]\d++)*+)\s?%")
STOPWORDS: Final = frozenset(STOPWORDS_EN)


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a query, with what it weighs."""

    hash: int
    #: How often it occurs in the query.
    times: int
    #: Whether it is how an older index may have a word that stands in the query already.
    old: bool = False


def split(texts: Sequence[str]) -> tuple[list[list[int]], NDArray[np.uint64]]:
    """Each text as numbers of its terms, and the hash of every number's term."""
    vocabulary: dict[str, int] = {}
    ids = [[vocabulary.setdefault(term, len(vocabulary)) for term in terms(folded(text))] for text in texts]
    digests = b"".join(digest(term) for term in vocabulary)
    return ids, np.frombuffer(digests, dtype="<u8")


def query_terms(query: str) -> list[Term]:
    """A query's terms, each once."""
    now = Counter(terms(folded(query)))
    old = Counter(word for word in words(query.lower()) if word not in now)
    return [
        *(Term(int.from_bytes(digest(term), "little"), times) for term, times in now.items()),
        *(Term(int.from_bytes(digest(term), "little"), times, old=True) for term, times in old.items()),
    ]


def terms(text: str) -> Iterator[str]:
    """The words of a folded text, then its terms with signs and its single letters and digits."""
    yield from words(text)
    yield from SIGNED.findall(text)
    yield from SINGLE.findall(text)
    yield from (f"{number}%" for number in PERCENT.findall(text))


def words(text: str) -> Iterator[str]:
    """The words of a small text, without stop words."""
    return (word for word in WORD.findall(text) if word not in STOPWORDS)


def digest(term: str) -> bytes:
    """A term's hash, little end first."""
    return blake2b(term.encode("utf-8", "replace"), digest_size=8).digest()
