"""What the calls of earlier runs brought in, as later runs see it: what answers cited, and of other outputs the ends.

Else each question to a thread with files would make every later prompt some 15,000 tokens longer. The short form
follows from what is stored when its run ends, so it never changes, and neither do prompts that begin with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from shared.json_types import Json
from shared.runs.prompt.shorten import shortened
from shared.runs.prompt.tokens import text_tokens
from shared.search.citations import Source
from shared.store.base import Record

#: Tokens of an earlier run's output that stays as it is, and of a longer one.
OUTPUT_TOKENS: Final = 2_000
#: What cites a result of a search.
CITATIONS: Final = ("file_citation", "url_citation")
#: Tokens of the results of a search of an earlier run that its answers cited.
CITED_TOKENS: Final = 4_000


def citations(messages: Iterable[Record]) -> Mapping[str, set[str]]:
    """Run id -> the places of sources that its answers cited, such as `4:0`."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in messages:
        if row.data["run_id"] is not None:
            found[row.data["run_id"]].update(_places(row.data["content"]))
    return found


def _places(content: Iterable[Json]) -> Iterable[str]:
    texts = (part["text"] for part in content if part["type"] == "text")
    annotations = (each for text in texts for each in text.get("annotations") or ())
    return (Source(each["text"], "").place for each in annotations if each["type"] in CITATIONS)


def short_outputs(step: Json, cited: Collection[str]) -> dict[str, str]:
    """The outputs of a step's row by call id; `cited` are the places that its run's answers cited."""
    sources = step.get("sources") or {}
    return {call_id: _short(output, sources, cited) for call_id, output in step["outputs"].items()}


def _short(output: str, markers: Iterable[str], cited: Collection[str]) -> str:
    results = {} if text_tokens(output) <= OUTPUT_TOKENS else _results(output, markers)
    if not results:
        return shortened(output, OUTPUT_TOKENS)
    kept = [text for marker, text in results.items() if Source(marker, "").place in cited]
    left_out = len(results) - len(kept)
    if left_out:
        kept.append(f"({left_out} results left out that the answer did not cite: search again if they are needed)")
    return shortened("\n\n".join(kept), CITED_TOKENS)


def _results(output: str, markers: Iterable[str]) -> dict[str, str]:
    """The results of a search by their markers, each with the marker as its first line; none, if it was no search."""
    starts: list[tuple[int, str]] = []
    text = f"\n\n{output}"
    for marker in markers:
        start = text.find(f"\n\n{marker}\n", starts[-1][0] if starts else 0)
        if start >= 0:
            starts.append((start, marker))
    ends = [*(start for start, _ in starts[1:]), len(text)]
    return {marker: text[start:end].strip("\n") for (start, marker), end in zip(starts, ends, strict=False)}
