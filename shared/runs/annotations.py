"""Annotations of an answer: citations of sources and links to files the code wrote, found while the text comes in.

A marker stays in the text; its annotation comes in the same delta. So text that may become a marker is held back until
it is one, or is not. Offsets are in characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.json_types import Json
from shared.runs import links
from shared.search import citations
from shared.search.citations import Source


@dataclass(frozen=True, slots=True)
class Annotator:
    """What an answer may refer to."""

    sources: Sequence[Source]
    #: Path in the sandbox's folder -> file id.
    files: Mapping[str, str]

    def annotate(self, text: str) -> list[Json]:
        """The annotations of a text, in order; they never overlap."""
        if not self.sources and not self.files:
            return []
        cited = citations.annotate(text, self.sources)
        linked = [link for link in self._links(text) if not any(within(link, citation) for citation in cited)]
        return sorted([*cited, *linked], key=lambda each: int(each["start_index"]))

    def held_back(self, text: str) -> int:
        """How many characters at the end may belong to a marker that is not complete."""
        link = links.held_back(text, self.files) if self.files else 0
        return max(link, citations.held_back(text) if self.sources else 0)

    def _links(self, text: str) -> list[Json]:
        return [
            {
                "type": "file_path",
                "text": text[start:end],
                "start_index": start,
                "end_index": end,
                "file_path": {"file_id": self.files[name]},
            }
            for start, end, name in links.find(text, self.files)
        ]


def within(inner: Json, outer: Json) -> bool:
    """Whether an annotation lies inside another one."""
    return bool(outer["start_index"] <= inner["start_index"] < outer["end_index"])


@dataclass(slots=True)
class Marked:
    """A text on its way to a listener."""

    annotator: Annotator
    #: What has been passed on.
    text: str = ""
    _held: str = ""
    _count: int = 0

    def feed(self, more: str) -> list[Json]:
        """The `text` objects of the deltas that may go out now."""
        if not self.annotator.sources and not self.annotator.files:
            return self._piece(more)
        self._held += more
        keep = len(self._held) - self.annotator.held_back(self._held)
        ready, self._held = self._held[:keep], self._held[keep:]
        return self._pass_on(ready)

    def rest(self) -> list[Json]:
        """The same for what was held back: the text is over."""
        ready, self._held = self._held, ""
        return self._pass_on(ready)

    def cite(self, citations: list[Json]) -> list[Json]:
        """The `text` objects of the deltas that tell of citations of what has been passed on."""
        first, self._count = self._count, self._count + len(citations)
        numbered = [{"index": number, **each} for number, each in enumerate(citations, first)]
        return [{"value": "", "annotations": numbered}] if numbered else []

    def _pass_on(self, ready: str) -> list[Json]:
        pieces: list[Json] = []
        done = 0
        for annotation in self.annotator.annotate(ready):
            start, end = annotation["start_index"], annotation["end_index"]
            pieces += self._piece(ready[done:start])
            pieces += self._piece(ready[start:end], self._shifted(annotation))
            done = end
        return pieces + self._piece(ready[done:])

    def _piece(self, value: str, *annotations: Json) -> list[Json]:
        """The text as one object, if there is any; the first one has annotations even if they are none."""
        if not value:
            return []
        piece = {"value": value, "annotations": [*annotations]} if annotations or not self.text else {"value": value}
        self.text += value
        return [piece]

    def _shifted(self, annotation: Json) -> Json:
        base = len(self.text) - annotation["start_index"]
        delta = {"index": self._count, **annotation}
        self._count += 1
        delta["start_index"] += base
        delta["end_index"] += base
        if annotation["type"] == "file_citation":
            delta["file_citation"] = {**annotation["file_citation"], "quote": ""}
        return delta
