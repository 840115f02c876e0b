"""Annotations: markers are found wherever the pieces of a text are cut."""

from __future__ import annotations

import pytest

from shared.runs.annotations import Annotator, Marked
from shared.search.citations import Source

TEXT = (
    "Äh, see 【4:0†food.txt】 and [the table](sandbox:/mnt/data/a%20b.csv), or sandbox:/mnt/data/x.csv. "
    "【9:9†no】 sandbox"
)
ANNOTATOR = Annotator([Source("【4:0†food.txt】", "file-food")], {"a b.csv": "file-ab", "x.csv": "file-x"})


def test_citations_and_links_are_found_with_character_offsets() -> None:
    annotations = ANNOTATOR.annotate(TEXT)

    assert [each["type"] for each in annotations] == ["file_citation", "file_path", "file_path"]
    for each in annotations:
        assert TEXT[each["start_index"] : each["end_index"]] == each["text"]
    assert annotations[2]["text"] == "sandbox:/mnt/data/x.csv"
    assert annotations[1]["file_path"] == {"file_id": "file-ab"}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_streamed_text_arrives_whole_with_each_marker_in_one_delta(size: int) -> None:
    marked = Marked(ANNOTATOR)
    deltas = [delta for start in range(0, len(TEXT), size) for delta in marked.feed(TEXT[start : start + size])]
    deltas += marked.rest()

    assert "".join(delta["value"] for delta in deltas) == TEXT
    streamed = [(delta["value"], each) for delta in deltas for each in delta.get("annotations", [])]
    assert [each["index"] for _, each in streamed] == [0, 1, 2]
    assert all(value == each["text"] for value, each in streamed)
    spans = [(each["start_index"], each["end_index"]) for _, each in streamed]
    assert spans == [(each["start_index"], each["end_index"]) for each in ANNOTATOR.annotate(TEXT)]
    assert "annotations" in deltas[0]


def test_plain_text_is_not_held_back() -> None:
    assert Marked(Annotator([], {})).feed("sandbox:/mnt 【") == [{"value": "sandbox:/mnt 【", "annotations": []}]
