"""Source markers: what the model is given to cite a result, and what they become in its answer.

A marker such as `【4:0†report.pdf】` names the turn, the result in it, and the file. It stays in the text; the
annotation tells clients where it is, in characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Models copy markers nearly always as they are; a different name after the dagger still names the same source.
MARKER: Final = re.compile(r"【(\d{1,9}):(\d{1,9})†[^】\n]{0,250}】")
#: What may still become a marker at the end of a streamed text.
UNFINISHED: Final = re.compile(r"【[^】\n]{0,270}\Z")
#: Characters of a file's name in its marker.
LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Source:
    """Something the model may cite."""

    marker: str
    file_id: str

    @property
    def place(self) -> str:
        """The part of the marker that identifies it: `4:0`."""
        return self.marker[1:].partition("†")[0]


def marker(turn: int, number: int, filename: str) -> str:
    """The marker of the turn's so-manieth result."""
    name = re.sub(r"[【】†\n]", " ", filename)[:LONGEST_NAME]
    return f"【{turn}:{number}†{name}】"


def annotate(text: str, sources: Iterable[Source]) -> list[dict[str, Any]]:
    """`file_citation` annotations of a finished text, in order; markers nobody offered are plain text."""
    return [*_annotations(text, {source.place: source for source in sources})]


def held_back(text: str) -> int:
    """How many characters at the end of a text may be the beginning of a marker; wait for more before sending them."""
    match = UNFINISHED.search(text)
    return 0 if match is None else len(match[0])


def _annotations(text: str, known: Mapping[str, Source]) -> Iterator[dict[str, Any]]:
    for match in MARKER.finditer(text):
        source = known.get(f"{match[1]}:{match[2]}")
        if source is not None:
            yield {
                "type": "file_citation",
                "text": match[0],
                "start_index": match.start(),
                "end_index": match.end(),
                "file_citation": {"file_id": source.file_id},
            }
