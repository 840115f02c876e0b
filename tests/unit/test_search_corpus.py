"""The corpus: each reader finds the words that real writers were given."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from shared.search.parsing.child import read
from tests.corpus.reading import DOCUMENTS, found, missing, words

#: The share of its words that a document must give at least.
FLOOR: Final = 0.98
#: And all of them together.
WHOLE: Final = 0.99


def test_the_corpus_is_as_large_as_it_says() -> None:
    assert len(DOCUMENTS) >= 60
    assert all(words(document) for document in DOCUMENTS)
    assert sum(path.stat().st_size for path in DOCUMENTS) < 5_000_000


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_gives_its_words(document: Path) -> None:
    wanted = words(document)
    text = read(str(document), document.name)
    assert found(wanted, text) >= FLOOR, missing(wanted, text)


def test_the_corpus_gives_nearly_all_its_words() -> None:
    lost = [word for document in DOCUMENTS for word in missing(words(document), read(str(document), document.name))]
    assert len(lost) <= (1 - WHOLE) * sum(len(words(document)) for document in DOCUMENTS), lost
