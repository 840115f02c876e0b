"""Documents that LibreOffice writes, from flat OpenDocument files and from other writers' documents."""

from __future__ import annotations

import subprocess
from html import escape
from pathlib import Path
from typing import Any

from writing import CORPUS, SCRATCH, save
from writing import TEXTS as T

NAMES = (
    " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (
            *(("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"), ("draw", "drawing")),
            *(("svg", "svg-compatible"), ("presentation", "presentation"), ("number", "datastyle")),
            ("fo", "xsl-fo-compatible"),
        )
    )
    + ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2"'
)

KINDS = {"text": "fodt", "spreadsheet": "fods", "presentation": "fodp"}


def convert(source: Path, target: str, name: str, *given: Any) -> None:
    """Let LibreOffice write `name` in the format `target`, which may name a filter."""
    command = ["soffice", "--headless", "--convert-to", target, "--outdir", str(SCRATCH), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    made = SCRATCH / f"{source.stem}.{target.partition(':')[0]}"
    save(name, made.read_bytes(), *given)
    made.unlink()


def flat(kind: str, styles: str, body: str) -> Path:
    """A flat OpenDocument file."""
    path = SCRATCH / f"{kind}.{KINDS[kind]}"
    mime = f"application/vnd.oasis.opendocument.{kind}"
    path.write_text(
        f'<?xml version="1.0"?><office:document {NAMES} office:version="1.3" office:mimetype="{mime}">'
        f"{styles}<office:body><office:{kind}>{body}</office:{kind}></office:body></office:document>"
    )
    return path


def table(rows: list[list[str]]) -> str:
    """Rows as a table."""
    cells = [
        "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
            for cell in row
        )
        for row in rows
    ]
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)
    columns = f'<table:table-column table:number-columns-repeated="{len(rows[0])}"/>'
    return f'<table:table table:name="Crops">{columns}{body}</table:table>'


def letter() -> tuple[Path, list[Any]]:
    """Header, footer, note, comment, text frame, phonetic text, a hard and soft hyphens, tracked changes."""
    styles = (
        '<office:automatic-styles><style:page-layout style:name="pl"><style:page-layout-properties/>'
        "<style:header-style/><style:footer-style/></style:page-layout>"
        '<style:style style:name="up" style:family="text"><style:text-properties style:text-position="super 58%"/>'
        "</style:style></office:automatic-styles>"
        '<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="pl">'
        f"<style:header><text:p>{T['header']}</text:p></style:header>"
        f"<style:footer><text:p>{T['footer']}</text:p></style:footer></style:master-page></office:master-styles>"
    )
    note = (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation>'
        f"<text:note-body><text:p>{T['note']}</text:p></text:note-body></text:note>"
    )
    comment = f"<office:annotation><dc:creator>W</dc:creator><text:p>{T['comment']}</text:p></office:annotation>"
    frame = (
        '<draw:frame text:anchor-type="paragraph" svg:width="5cm" svg:height="2cm">'
        f"<draw:text-box><text:p>{T['items'][0]}</text:p></draw:text-box></draw:frame>"
    )
    ruby = "<text:ruby><text:ruby-base>東京</text:ruby-base><text:ruby-text>とうきょう</text:ruby-text></text:ruby>"
    changes = (
        '<text:tracked-changes><text:changed-region text:id="c1"><text:deletion><office:change-info>'
        "<dc:creator>W</dc:creator><dc:date>2025-01-01T00:00:00</dc:date></office:change-info>"
        "<text:p>sixty</text:p></text:deletion></text:changed-region></text:tracked-changes>"
    )
    body = (
        f'{changes}<text:h text:outline-level="1">{T["title"]}</text:h><text:p>{T["intro"]}{note}</text:p>'
        f"<text:p>{T['harvest']}{comment}</text:p><text:p>{frame}Call 555\u20110199 in {ruby}, "
        "Donau\u00addampf.</text:p>"
        f'<text:p>The fee is seventy<text:change text:change-id="c1"/> crowns for 10<text:span text:style-name="up">6'
        f"</text:span> cells.</text:p>{table(T['table'])}<text:p>{escape(T['quote'])}</text:p>"
    )
    given = [T[key] for key in ("title", "intro", "note", "harvest", "comment", "table", "quote", "header", "footer")]
    return flat("text", styles, body), [*given, T["items"][0], "Call in Donaudampf The fee is seventy crowns for cells"]


def ledger() -> tuple[Path, list[Any]]:
    """Dates, percents, durations, a formula, a note."""
    styles = (
        "<office:automatic-styles>"
        '<number:percentage-style style:name="n1"><number:number number:decimal-places="1" '
        'number:min-decimal-places="1" number:min-integer-digits="1"/>'
        "<number:text>%</number:text></number:percentage-style>"
        '<number:time-style style:name="n2" number:truncate-on-overflow="false"><number:hours/><number:text>:'
        '</number:text><number:minutes number:style="long"/><number:text>:</number:text>'
        '<number:seconds number:style="long"/></number:time-style>'
        '<number:date-style style:name="n4"><number:year number:style="long"/><number:text>-</number:text>'
        '<number:month number:style="long"/><number:text>-</number:text><number:day number:style="long"/>'
        "</number:date-style>"
        '<number:number-style style:name="n3"><number:number number:decimal-places="0" '
        'number:min-integer-digits="5"/></number:number-style>'
        + "".join(
            f'<style:style style:name="c{n}" style:family="table-cell" style:data-style-name="n{n}"/>'
            for n in (1, 2, 3, 4)
        )
        + "</office:automatic-styles>"
    )
    cells = [
        ("Share", '<table:table-cell table:style-name="c1" office:value-type="percentage" office:value="0.125"/>'),
        ("Hours", '<table:table-cell table:style-name="c2" office:value-type="time" office:time-value="PT36H15M00S"/>'),
        ("Number", '<table:table-cell table:style-name="c3" office:value-type="float" office:value="42"/>'),
        ("Day", '<table:table-cell table:style-name="c4" office:value-type="date" office:date-value="2025-03-04"/>'),
        ("Sum", '<table:table-cell table:formula="of:=3+4" office:value-type="float" office:value="7"/>'),
    ]
    note = f"<office:annotation><text:p>{T['note']}</text:p></office:annotation>"
    rows = "".join(
        f'<table:table-row><table:table-cell office:value-type="string">{note if name == "Day" else ""}'
        f"<text:p>{name}</text:p></table:table-cell>{cell}</table:table-row>"
        for name, cell in cells
    )
    shown = "Share Hours Number Day Sum 12.5% 36:15:00 00042 2025-03-04 7 Ledger"
    return flat("spreadsheet", styles, f'<table:table table:name="Ledger">{rows}</table:table>'), [shown, T["note"]]


def talk() -> tuple[Path, list[Any]]:
    """Slides with notes."""
    frame = (
        '<draw:frame presentation:class="{}" svg:x="2cm" svg:y="{}cm" svg:width="20cm" svg:height="4cm">{}</draw:frame>'
    )
    pages = ""
    for number, (title, body, note) in enumerate(T["slides"], 1):
        boxes = [f"<draw:text-box><text:p>{text}</text:p></draw:text-box>" for text in (title, body, note)]
        pages += (
            f'<draw:page draw:name="p{number}">{frame.format("title", 1, boxes[0])}'
            f"{frame.format('outline', 6, boxes[1])}"
            f"<presentation:notes>{frame.format('notes', 14, boxes[2])}</presentation:notes></draw:page>"
        )
    return flat("presentation", "", pages), [T["slides"]]


def main() -> None:
    """Write them all."""
    SCRATCH.mkdir(exist_ok=True)
    source, given = letter()
    convert(source, "docx", "libreoffice-letter.docx", *given, "555-0199 東京 10^6")
    # It shows what was deleted beside what was put in its place.
    shown = given[:4] + given[5:-1]
    convert(source, "pdf", "libreoffice-letter.pdf", *shown, "Call 555-0199 in Donaudampf The fee is crowns for cells")
    convert(source, "html:HTML (StarWriter)", "libreoffice-letter.html", *given[:4], T["table"], T["quote"])
    source, given = ledger()
    convert(source, "xlsx", "libreoffice-ledger.xlsx", *given)
    source, given = talk()
    convert(source, "pptx", "libreoffice-talk.pptx", *given)
    convert(source, "pdf", "libreoffice-talk.pdf", [slide[:2] for slide in T["slides"]])
    convert(CORPUS / "exceljs-crops.xlsx", "pdf", "libreoffice-crops.pdf", T["table"], T["inner"])
    extras = (CORPUS / "xlsxwriter-extras.xlsx.words").read_text().split("\n")
    convert(CORPUS / "xlsxwriter-extras.xlsx", "xlsx", "libreoffice-extras.xlsx", extras)
    chart = (CORPUS / "python-pptx-chart.pptx.words").read_text().split("\n")
    convert(CORPUS / "python-pptx-chart.pptx", "pptx", "libreoffice-chart.pptx", chart)


main()
