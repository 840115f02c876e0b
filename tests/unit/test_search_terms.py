"""Words are found however they are written: wide, joined, in capitals, with signs; also in an index of version 0.1."""

from __future__ import annotations

import time
from hashlib import blake2b

import numpy as np
import pytest

from shared.search import terms
from shared.search.base import Chunk
from shared.search.merging import alive, make
from shared.search.ranking import RankedPart, by_words
from shared.search.segment import decode


def part(*texts: str) -> RankedPart:
    head, _, _ = make("file-a", [Chunk(text) for text in texts], None)
    segment = decode("s", head)
    return RankedPart("vs_a", segment, alive(segment, set()))


def finds(query: str, text: str) -> bool:
    [scores] = by_words([part(text, "nothing of interest")], query)
    return bool(scores[0] > 0)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("API", "the ＡＰＩ key"),
        ("ＡＰＩ", "the api key"),
        ("final", "the ﬁnal report"),
        ("ｶﾀｶﾅ", "カタカナ"),
        ("istanbul", "İSTANBUL"),
        ("İzmir", "izmir"),
        ("IĞDIR", "ığdır"),
        ("STRASSE", "Straße"),
        ("ΟΔΟΣ", "οδος"),
        ("C++", "We write C++ here"),
        ("c#", "We write C# here"),
        ("R&D", "Spending on R&D grew"),
        ("U.S.", "made in the U.S."),
        ("3.5 %", "a rate of 3.5%"),
        ("3.5", "a rate of 3.5 %"),
        ("5%", "a rate of 5 %"),
        (".NET", "the .NET runtime"),
        ("AT&T", "AT&T paid"),
        ("C", "Vitamin C."),
        ("7", "turbine T-7 stands still"),
    ],
)
def test_a_word_is_found_in_every_spelling(query, text):
    assert finds(query, text)


def test_a_letter_or_digit_tells_two_things_apart():
    [scores] = by_words([part("Vitamin K is in kale.", "Vitamin C is in lemons.")], "Where is vitamin C?")
    assert scores[1] > scores[0]
    [scores] = by_words([part("Turbine 9 failed at night.", "Turbine 7 failed at night.")], "Why did turbine 7 fail?")
    assert scores[1] > scores[0]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("C++", "Vitamin C"),
        ("C", "C++"),
        ("C#", "C++"),
        ("5%", "5 apples"),
        ("5", "5 %"),
        ("3.5", "35"),
        ("5", "3.5"),
        ("S", "the U.S. of the farmer's"),
        ("T", "don’t"),
        ("a", "a plan"),
    ],
)
def test_signs_tell_terms_apart(query, text):
    assert not finds(query, text)


def test_an_index_of_version_0_1_is_searched_by_words_as_it_spelled_them(monkeypatch):
    def split_as_0_1(texts):
        vocabulary: dict[str, int] = {}
        ids = [[vocabulary.setdefault(word, len(vocabulary)) for word in terms.words(t.lower())] for t in texts]
        digests = b"".join(blake2b(word.encode(), digest_size=8).digest() for word in vocabulary)
        return ids, np.frombuffer(digests, dtype="<u8")

    with monkeypatch.context() as version_0_1:
        version_0_1.setattr(terms, "split", split_as_0_1)
        old = part("der ﬁnale Bericht zur Straße", "plain words")
    for query in ("ﬁnale", "Straße", "Bericht"):
        assert by_words([old], query)[0][0] > 0
    # Together with what is indexed now.
    new = part("die Strasse")
    old_scores, new_scores = by_words([old, new], "Straße")
    assert old_scores[0] > 0
    assert new_scores[0] > 0


@pytest.mark.parametrize("text", ["1" * 6000, "1." * 6000 + "x", "1," * 6000])
def test_long_numbers_are_read_in_one_go(text: str) -> None:
    began = time.process_time()
    assert len([*terms.terms(text)]) < 3
    assert time.process_time() - began < 0.5


def test_numbers_within_numbers_are_no_terms() -> None:
    assert [*terms.terms("1.234,5 % of 12 % and v2.5")] == ["234", "12", "v2", "1.234,5", "2.5", "1.234,5%", "12%"]
