"""Annotations: markers are found wherever the pieces of a text are cut."""

from __future__ import annotations

import time

import pytest

from shared.runs.annotations import Annotator, Marked
from shared.search.citations import Source, marker

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


def arrives_as_annotated(annotator: Annotator, text: str, size: int) -> None:
    marked = Marked(annotator)
    deltas = [delta for start in range(0, len(text), size) for delta in marked.feed(text[start : start + size])]
    deltas += marked.rest()

    assert "".join(delta["value"] for delta in deltas) == text
    streamed = [(delta["value"], each) for delta in deltas for each in delta.get("annotations", [])]
    assert [each["index"] for _, each in streamed] == [*range(len(streamed))]
    assert all(value == each["text"] for value, each in streamed)
    spans = [(each["start_index"], each["end_index"]) for _, each in streamed]
    assert spans == [(each["start_index"], each["end_index"]) for each in annotator.annotate(text)]
    assert "annotations" in deltas[0]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_streamed_text_arrives_whole_with_each_marker_in_one_delta(size: int) -> None:
    arrives_as_annotated(ANNOTATOR, TEXT, size)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("【4:0†sandbox:/mnt/data/x.csv 】!", id="a link in a marker"),
        pytest.param("sandbox:/mnt/data/x.csv【4:0†food.txt】", id="a marker right behind a link"),
        pytest.param(f"【4:0†{'long ' * 100}】", id="a name that the model made long"),
        pytest.param("sandbox:/mnt/data/x.csv\n\n(sandbox:/mnt/data/a%20b.csv)\n", id="links at the end of lines"),
        pytest.param("【4:0【4:0†food.txt】【【4:0†】", id="markers begun and not ended"),
    ],
)
def test_odd_texts_arrive_as_they_are_annotated(text: str, size: int) -> None:
    arrives_as_annotated(ANNOTATOR, text, size)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_file_with_a_long_name_is_cited(size: int) -> None:
    mark = marker(4, 0, "long " * 200 + ".txt")
    annotator = Annotator([Source(mark, "file-long")], {})
    arrives_as_annotated(annotator, f"See {mark}.", size)
    assert len(annotator.annotate(mark)) == 1


def test_plain_text_is_not_held_back() -> None:
    assert Marked(Annotator([], {})).feed("sandbox:/mnt 【") == [{"value": "sandbox:/mnt 【", "annotations": []}]


@pytest.mark.parametrize(
    "text", ["sandbox:/mnt/data/x.csv\n", "sandbox:/mnt/data/x.csv【4:0†food.txt】", "【4:0†food.txt】\n"]
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_marker_ends_at_a_new_line_and_at_the_next_marker(text: str, size: int) -> None:
    marked = Marked(ANNOTATOR)
    deltas = [delta for start in range(0, len(text), size) for delta in marked.feed(text[start : start + size])]
    deltas += marked.rest()

    streamed = [each["text"] for delta in deltas for each in delta.get("annotations", [])]
    assert streamed == [each["text"] for each in ANNOTATOR.annotate(text)]
    assert "".join(streamed) == text.strip()


WRITTEN = {
    "my report (final).csv": "file-report",
    "a.csv": "file-a",
    "a b.csv": "file-ab",
    "a.csv.gz": "file-gz",
    "café.txt": "file-cafe",
    "out/a.csv": "file-out",
    "O'Brien.csv": "file-brien",
    "100%25.txt": "file-percent",
    "100%.txt": "file-hundred",
    "data_set.csv": "file-set",
    "表 1.csv": "file-table",
}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("link", "file_id"),
    [
        ("sandbox:/mnt/data/my report (final).csv", "file-report"),
        ("sandbox:/mnt/data/my%20report%20%28final%29.csv", "file-report"),
        ("sandbox:/mnt/data/my%20report (final).csv", "file-report"),
        ("sandbox:///mnt/data/a.csv", "file-a"),
        ("sandbox://mnt/data/a.csv", "file-a"),
        ("sandbox:/mnt/data/a b.csv", "file-ab"),
        ("sandbox:/mnt/data/a.csv.gz", "file-gz"),
        ("sandbox:/mnt/data/cafe\u0301.txt", "file-cafe"),
        ("sandbox:/mnt/data/caf%c3%a9.txt", "file-cafe"),
        ("sandbox:/mnt/data/out/a.csv", "file-out"),
        ("sandbox:/mnt/data/O'Brien.csv", "file-brien"),
        ("sandbox:/mnt/data/100%25.txt", "file-percent"),
        ("sandbox:/mnt/data/100%.txt", "file-hundred"),
        ("sandbox:/mnt/data/data\\_set.csv", "file-set"),
        ("sandbox:/mnt/data/表 1.csv", "file-table"),
    ],
)
@pytest.mark.parametrize("sentence", ["See [it]({}) now.", "{}。", "{}.", "到{}下载", "{}", "**{}**\n", "{}【x】"])
def test_links_are_known_by_the_names_that_were_written(sentence: str, link: str, file_id: str, size: int) -> None:
    annotator, text = Annotator([], WRITTEN), sentence.format(link)
    [annotation] = annotator.annotate(text)
    assert (annotation["text"], annotation["file_path"]["file_id"]) == (link, file_id)
    arrives_as_annotated(annotator, text, size)


@pytest.mark.parametrize("name", ["a.csv.zip", "a.csvx", "A.csv", "b.csv", "a.csv/b", "", "a.cs"])
def test_a_link_to_another_name_is_plain_text(name: str) -> None:
    text = f"[it](sandbox:/mnt/data/{name}) and more"
    assert Annotator([], WRITTEN).annotate(text) == []
    arrives_as_annotated(Annotator([], WRITTEN), text, 1)


def test_text_behind_a_link_is_not_held_back() -> None:
    [*deltas] = Marked(Annotator([], WRITTEN)).feed("sandbox:/mnt/data/a.csv) and")
    assert "".join(delta["value"] for delta in deltas) == "sandbox:/mnt/data/a.csv) and"


def test_hundreds_of_written_files_do_not_hold_up_an_answer() -> None:
    written = {f"größe {number} – {'Daten ' * 10}.csv": f"file-{number}" for number in range(300)}
    text = f"[it](sandbox:/mnt/data/{[*written][7]})"
    began = time.process_time()
    [link] = Annotator([], written).annotate(text)
    assert link["file_path"]["file_id"] == "file-7"
    assert time.process_time() - began < 0.5
