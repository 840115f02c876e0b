"""DOCX and PPTX as plain text: what a reader of the pages or slides sees, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.search.parsing.comments import Comments
from shared.search.parsing.drawings import Elsewhere, drawn, unclaimed
from shared.search.parsing.formats import invalid
from shared.search.parsing.numbering import bullets
from shared.search.parsing.paragraphs import Paragraphs
from shared.search.parsing.relations import main_part, related, relations
from shared.search.parsing.tables import Text
from shared.search.parsing.xml import Archive

NOTES: Final = ("footnotes", "endnotes", "comments")


def docx(path: str) -> Iterator[Text]:
    """Headers, the document with what is drawn on it, notes, comments and footers; what repeats comes once."""
    archive = Archive(path)
    main = main_part(archive, "word/document.xml")
    if not archive.has(main) or main.lower().startswith(("xl/", "ppt/")):
        raise invalid("The file is not a Word document.")
    told = Elsewhere(archive)
    yield from parts_of(told, main, ("header",), r"word/header(\d*)\.xml")
    body = Paragraphs(bullets(archive, main))
    archive.parse(main, body)
    yield body.result()
    yield from drawn(told, main)
    yield from unclaimed(told, "word")
    yield from parts_of(told, main, NOTES, r"word/(?:footnotes|endnotes|comments)(\d*)\.xml")
    yield from parts_of(told, main, ("footer",), r"word/footer(\d*)\.xml")
    yield Text("", omitted=tuple(told.omitted))


def parts_of(told: Elsewhere, main: str, kinds: tuple[str, ...], usual: str) -> Iterator[Text]:
    """The document's parts of some kinds, by their usual names if it refers to none."""
    texts: dict[str, None] = {}
    for part in related(told.archive, main, *kinds) or told.archive.numbered(usual):
        text = told.read(part, Paragraphs()).result()
        if text.text not in texts:
            yield text
            yield from drawn(told, part)
        texts[text.text] = None


def pptx(path: str) -> Iterator[Text]:
    """What all slides show, then slide by slide what it shows, comments and notes."""
    archive = Archive(path)
    slides = slides_of(archive)
    if not slides:
        raise invalid("The file is not a PowerPoint presentation.")
    told = Elsewhere(archive)
    for part in backgrounds(archive, slides):
        yield told.read(part, Paragraphs(placeholders=False)).result()
    for slide in slides:
        body = Paragraphs()
        archive.parse(slide, body)
        yield body.result()
        yield from drawn(told, slide)
        for part in related(archive, slide, "comments", "comment"):
            yield Text("\n".join(told.read(part, Comments()).lines))
        for part in related(archive, slide, "notesSlide"):
            yield told.read(part, Paragraphs()).result()
            yield from drawn(told, part)
    yield from unclaimed(told, "ppt")
    yield Text("", omitted=tuple(told.omitted))


def slides_of(archive: Archive) -> list[str]:
    """The slides in the presentation's order; in that of their numbers if it names none."""
    main = main_part(archive, "ppt/presentation.xml")
    parts = {relation.id: relation.part for relation in relations(archive, main) if relation.kind == "slide"}
    ids = [found.get("id", "") for _, name, found in archive.elements(main) if name == "sldId"]
    ordered = [parts[id] for id in ids if archive.has(parts.get(id, ""))]
    return ordered or archive.numbered(r"ppt/slides/slide(\d+)\.xml")


def backgrounds(archive: Archive, slides: list[str]) -> list[str]:
    """The masters and layouts of the slides."""
    layouts = [layout for slide in slides for layout in related(archive, slide, "slideLayout")]
    masters = [master for layout in dict.fromkeys(layouts) for master in related(archive, layout, "slideMaster")]
    return [*dict.fromkeys([*masters, *layouts])]
