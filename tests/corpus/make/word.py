"""Word documents by python-docx."""

from __future__ import annotations

import io
from typing import Any

import docx
from docx.document import Document
from docx.opc.packuri import PackURI
from docx.oxml import parse_xml
from writing import TEXTS as T
from writing import save

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def finish(name: str, document: Document, *given: Any) -> None:
    """Save it with its words."""
    buffer = io.BytesIO()
    document.save(buffer)
    save(name, buffer.getvalue(), *given)


def table(place: Any, rows: list[list[str]]) -> Any:
    """A table in a document or in a cell."""
    made = place.add_table(len(rows), len(rows[0]))
    for row, texts in zip(made.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    return made


def report() -> None:
    """Headings, lists, a table, header and footer."""
    document = docx.Document()
    section = document.sections[0]
    section.header.paragraphs[0].text = T["header"]
    section.footer.paragraphs[0].text = T["footer"]
    document.add_heading(T["title"], 0)
    document.add_paragraph(T["intro"])
    document.add_heading(T["heading"], 1)
    document.add_paragraph(T["harvest"])
    for item in T["items"]:
        document.add_paragraph(item, style="List Bullet")
    table(document, T["table"])
    document.add_paragraph(T["quote"])
    keys = ("header", "footer", "title", "intro", "heading", "harvest", "items", "table", "quote")
    finish("python-docx-report.docx", document, *(T[key] for key in keys))


def nested() -> None:
    """A table in a table's cell."""
    document = docx.Document()
    outer = table(document, T["table"])
    table(outer.cell(1, 0), T["inner"])
    document.add_paragraph(T["compound"])
    finish("python-docx-nested.docx", document, T["table"], T["inner"], T["compound"])


def comments() -> None:
    """A comment on a sentence."""
    document = docx.Document()
    paragraph = document.add_paragraph(T["harvest"])
    document.add_comment(paragraph.runs, text=T["comment"], author="Wilhelmina", initials="W")
    finish("python-docx-comment.docx", document, T["harvest"], T["comment"])


def signs() -> None:
    """Soft and non-breaking hyphens, a symbol, a superscript, phonetic text, tabs, and a main part of another name."""
    document = docx.Document()
    document.add_paragraph("Donau\u00addampf\u00adschiff and catalogue 555\u20110199")
    paragraph = document.add_paragraph("The dose is ")
    paragraph._p.append(parse_xml(f"<w:r {W}><w:t>1</w:t><w:noBreakHyphen/><w:t>24</w:t></w:r>"))
    paragraph.add_run(" hours above ")
    paragraph._p.append(parse_xml(f'<w:r {W}><w:sym w:font="Symbol" w:char="F0B3"/><w:t>5</w:t></w:r>'))
    paragraph.add_run(" degrees, about 10")
    paragraph.add_run("6").font.superscript = True
    paragraph.add_run(" cells")
    ruby = (
        f"<w:r {W}><w:ruby><w:rubyPr/><w:rt><w:r><w:t>とうきょう</w:t></w:r></w:rt>"
        "<w:rubyBase><w:r><w:t>東京</w:t></w:r></w:rubyBase></w:ruby></w:r>"
    )
    document.add_paragraph("Office in ")._p.append(parse_xml(ruby))
    document.part.partname = PackURI("/word/document2.xml")
    first = "Donaudampfschiff and catalogue 555-0199 Office in 東京"
    finish("python-docx-signs.docx", document, first, "The dose is 1-24 hours above ≥5 degrees about 10^6 cells")


for make in (report, nested, comments, signs):
    make()
