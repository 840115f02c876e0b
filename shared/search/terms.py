"""Text to search terms: lower-case words without English stop words, as 64-bit hashes.

Splitting and stop words are bm25s's; hashes spare the index a vocabulary of strings. Loads numpy: import it late.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import bm25s
import numpy as np
from numpy.typing import NDArray

#: Words of two letters or more, and single characters of scripts that are written without spaces.
PATTERN: Final = (
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
    r"|(?:[^\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]){2,}"
)


def split(texts: Sequence[str]) -> tuple[list[list[int]], NDArray[np.uint64]]:
    """Each text as numbers of its terms, and the hash of every number's term."""
    ids, vocabulary = bm25s.tokenize(list(texts), token_pattern=PATTERN, stopwords="english", show_progress=False)
    digests = b"".join(blake2b(term.encode(), digest_size=8).digest() for term in vocabulary)
    return ids, np.frombuffer(digests, dtype="<u8")


def count(query: str) -> list[tuple[int, int]]:
    """A query's term hashes with how often each occurs."""
    ids, hashes = split([query])
    return [(int(hashes[number]), times) for number, times in Counter(ids[0]).items()]
