"""WordprocessingML and DrawingML, whose `t`, `p`, `br` and `tc` mean the same: a line per paragraph or table row."""

from __future__ import annotations

from typing import Final

from shared.search.parsing.formulas import Formula
from shared.search.parsing.numbering import Bullets
from shared.search.parsing.runs import Line
from shared.search.parsing.tables import Table, Text, joined

#: A `Fallback` repeats its sibling `Choice` for old programs; `pPr` defines tab stops; `rt` says how to pronounce what
#: follows; text that was moved is read where it is now, text that was deleted not at all.
SKIPPED: Final = {"Fallback", "pPr", "rt", "moveFrom", "del"}


class Paragraphs:
    """Gathers the text of a part."""

    def __init__(self, bullets: Bullets | None = None, *, placeholders: bool = True) -> None:
        self._bullets = bullets or {}
        self._list: dict[str, str] = {}
        #: Layouts have text of their own beside prompts for a slide's text.
        self._placeholders = placeholders
        self._line = Line()
        self._blocks: list[Text] = []
        #: Boxes of text belong behind the paragraph they hang from.
        self._boxes: list[Text] = []
        self._outer: list[tuple[Line, list[Text], list[Text]]] = []
        self._tables: list[list[list[str]]] = []
        self._formula: Formula | None = None
        self._depth = self._skipping = 0
        self._in_text = self._prompt = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Notice text, cells, boxes and formulas."""
        if self._skipping or name in SKIPPED or (name == "fld" and attributes.get("type") == "slidenum"):
            self._skipping += 1
            if name in ("numId", "ilvl"):
                # What the list was before a change comes later.
                self._list.setdefault(name, attributes.get("val", ""))
        elif self._formula is not None or name == "oMath":
            self._formula = self._formula or Formula()
            self._depth += 1
            self._formula.start(name, attributes)
        elif name == "t":
            self._in_text = True
        elif name == "ph":
            self._prompt = not self._placeholders
        elif name == "tbl":
            self._tables.append([])
        elif name == "tr" and self._tables:
            self._tables[-1].append([])
        elif name in ("tc", "txbxContent"):
            self._outer.append((self._line, self._blocks, self._boxes))
            self._line, self._blocks, self._boxes = Line(), [], []
        elif name == "textpath":
            # Text that is drawn as a shape: a watermark.
            self._line.add(attributes.get("string", ""))
        elif name in ("br", "cr"):
            self._line.add("\n")
        else:
            self._line.start(name, attributes)

    def end(self, name: str) -> None:
        """End what began."""
        if self._skipping:
            self._skipping -= 1
        elif self._formula is not None:
            self._end_formula(name)
        elif name == "t":
            self._in_text = False
        elif name == "p":
            self._end_paragraph()
        elif name in ("tc", "txbxContent"):
            self._end_inner(name)
        elif name == "tbl" and self._tables:
            self._end_table()
        elif name == "sp":
            self._prompt = False
        else:
            self._line.end(name)

    def text(self, data: str) -> None:
        """Keep what is inside `t`."""
        if self._skipping:
            return
        if self._formula is not None:
            self._formula.text(data)
        elif self._in_text and not self._prompt:
            self._line.text(data)

    def result(self) -> Text:
        """The part's text."""
        self._end_paragraph()
        return joined(self._blocks, "\n", edges="\n ")

    def _end_formula(self, name: str) -> None:
        assert self._formula is not None
        self._formula.end(name)
        self._depth -= 1
        if self._depth == 0:
            self._line.add(self._formula.result())
            self._formula = None

    def _end_paragraph(self) -> None:
        bullet = self._bullets.get((self._list.get("numId", ""), self._list.get("ilvl", "0")), "")
        self._blocks += [Text(f"{bullet} {self._line.result()}".strip()), *self._boxes]
        self._line, self._boxes, self._list = Line(), [], {}

    def _end_inner(self, name: str) -> None:
        self._end_paragraph()
        blocks = self._blocks
        self._line, self._blocks, self._boxes = self._outer.pop()
        if name == "txbxContent":
            self._boxes += blocks
        elif self._tables and self._tables[-1]:
            # A line inside a cell would tear its row apart.
            self._tables[-1][-1].append(" ".join(" ".join(block.text for block in blocks).split()))
        else:
            self._blocks += blocks

    def _end_table(self) -> None:
        rows = self._tables.pop()
        if self._tables and self._outer:
            self._blocks.append(Text("; ".join(" ".join(filter(None, row)) for row in rows)))
            return
        lines = ["\t".join(row) for row in rows]
        text = "\n".join(lines)
        head = lines[0] if lines else ""
        self._blocks.append(Text(text, (Table(len(head) + 1, len(text), head),) if len(lines) > 1 else ()))
