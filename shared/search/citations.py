"""Source markers: what the model is given to cite a result, and what they become in its answer.

A marker such as `【4:0†report.pdf】` names the thread's run step, the result, and the file or page. It stays in the
text; the annotation tells clients where it is, in characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

MARKER: Final = re.compile(r"【(\d{1,9}):(\d{1,9})†([^】\n]{0,250})】")
#: What may still become a marker at the end of a streamed text.
UNFINISHED: Final = re.compile(r"【[^】\n]{0,270}\Z")
#: What models that were trained on others' markers write in place of the name.
NAMELESS: Final = "source"
#: Characters of a file's name in its marker.
LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Source:
    """Something the model may cite."""

    marker: str
    #: A file's id, or a page's address.
    target: str

    @property
    def place(self) -> str:
        """The part of the marker that identifies it: `4:0`."""
        return self.marker[1:].partition("†")[0]

    @property
    def name(self) -> str:
        """The file's name in the marker, or the page's title."""
        return self.marker[:-1].partition("†")[2]

    @property
    def citation(self) -> dict[str, Any]:
        """What an annotation says of it, by the annotation's type."""
        if is_address(self.target):
            return {"url_citation": {"url": self.target, "title": self.name}}
        return {"file_citation": {"file_id": self.target}}

    def is_meant_by(self, name: str) -> bool:
        """Whether a marker with this place and that name means this source: models copy most, not all, of a name."""
        said, known = _folded(name), _folded(self.name)
        return said != "" and said in (NAMELESS, known, known.rpartition(".")[0])


def marker(step: int, number: int, filename: str) -> str:
    """The marker of a result; `step` and `number` together are its own in the thread."""
    name = re.sub(r"[【】†\n]", " ", filename)[:LONGEST_NAME]
    return f"【{step}:{number}†{name}】"


def is_address(target: str) -> bool:
    """Whether it is the address of a page, which ids never look like."""
    return target.startswith(("https://", "http://"))


def _folded(name: str) -> str:
    """The name without what gets lost when it is copied."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def annotate(text: str, sources: Iterable[Source]) -> list[dict[str, Any]]:
    """`file_citation` and `url_citation` annotations of a finished text, in order.

    Plain text are markers that nobody offered, and those that name another file than the one of their place.
    """
    known: dict[str, list[Source]] = {}
    for source in sources:
        known.setdefault(source.place, []).append(source)
    return [*_annotations(text, known)]


def held_back(text: str) -> int:
    """How many characters at the end of a text may be the beginning of a marker; wait for more before sending them."""
    match = UNFINISHED.search(text)
    return 0 if match is None else len(match[0])


def _annotations(text: str, known: Mapping[str, list[Source]]) -> Iterator[dict[str, Any]]:
    for match in MARKER.finditer(text):
        offered = reversed(known.get(f"{match[1]}:{match[2]}", []))
        source = next((each for each in offered if each.is_meant_by(match[3])), None)
        if source is not None:
            [kind] = citation = source.citation
            place = {"text": match[0], "start_index": match.start(), "end_index": match.end()}
            yield {"type": kind, **place, **citation}
