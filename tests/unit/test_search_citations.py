from __future__ import annotations

import pytest

from shared.search.citations import Source, annotate, held_back, marker

SOURCES = [Source("【4:0†report.pdf】", "file-a"), Source("【4:1†notes.md】", "file-b")]


def test_a_marker_becomes_an_annotation_with_character_offsets():
    text = "Grüße 😀: sales rose 【4:0†report.pdf】 and fell【4:1†notes.md】."
    annotations = annotate(text, SOURCES)
    assert [each["file_citation"] for each in annotations] == [{"file_id": "file-a"}, {"file_id": "file-b"}]
    for each in annotations:
        assert text[each["start_index"] : each["end_index"]] == each["text"]
    assert annotations[0]["text"] == "【4:0†report.pdf】"


def test_the_same_source_may_be_cited_twice():
    assert len(annotate("a【4:0†report.pdf】b【4:0†report.pdf】", SOURCES)) == 2


def test_what_was_not_offered_is_plain_text():
    assert annotate("see 【9:9†report.pdf】, 【report.pdf】 and [4:0]", SOURCES) == []


@pytest.mark.parametrize("name", ["notes", "Notes.md", " notes.md ", "source"])
def test_a_marker_with_a_name_copied_badly_still_cites(name):
    [annotation] = annotate(f"yes【4:1†{name}】", SOURCES)
    assert (annotation["file_citation"]["file_id"], annotation["text"]) == ("file-b", f"【4:1†{name}】")


@pytest.mark.parametrize("name", ["report.pdf", "notes.md.bak", "other.txt", ""])
def test_a_marker_that_names_another_file_cites_nothing(name):
    assert annotate(f"yes【4:1†{name}】", SOURCES) == []


def test_of_two_sources_in_one_place_the_named_one_is_cited():
    both = [Source("【1:0†alpha.txt】", "file-a"), Source("【1:0†beta.txt】", "file-b")]
    cited = [each["file_citation"]["file_id"] for each in annotate("【1:0†alpha.txt】【1:0†beta.txt】", both)]
    assert cited == ["file-a", "file-b"]


def test_a_name_cannot_break_its_marker():
    odd = Source(marker(0, 3, "we【ird】†\nname.txt"), "file-c")
    [annotation] = annotate(f"x {odd.marker} y", [odd])
    assert annotation["text"] == odd.marker


def test_an_unfinished_marker_is_held_back():
    assert held_back("text") == 0
    assert held_back("text【4:0†rep") == 8
    assert held_back("text【4:0†report.pdf】") == 0
