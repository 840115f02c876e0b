"""Office files made part by part, as the standard has them, with what no writer at hand makes."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fakes.documents import archive

TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
C = 'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'


def relations(**targets: str) -> str:
    """A part's relations: `rId1_slide="slides/slide1.xml"`."""
    found = [(*key.split("_", 1), target) for key, target in targets.items()]
    lines = (f'<Relationship Id="{id}" Type="{TYPES}{kind}" Target="{target}"/>' for id, kind, target in found)
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{package}">{"".join(lines)}</Relationships>'


def run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def docx(
    body: str, parts: Mapping[str, str | bytes] | None = None, *, main: str = "word/document.xml", **targets: str
) -> bytes:
    """A Word document with a body, other parts, and the relations to them."""
    folder, _, name = main.rpartition("/")
    document = f"<w:document {W} {M} {R}><w:body>{body}</w:body></w:document>"
    links = {f"{folder}/_rels/{name}.rels": relations(**targets)} if targets else {}
    return archive({"_rels/.rels": relations(a_officeDocument=main), main: document, **links, **(parts or {})})


def formula(body: str) -> bytes:
    """A Word document with one formula between words."""
    return docx(f"<w:p>{run('so ')}<m:oMath>{body}</m:oMath>{run(' follows')}</w:p>")


def math(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def slide(*texts: str, more: str = "") -> str:
    paragraphs = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in texts)
    return f"<p:sld {P} {A}><p:sp><p:txBody>{paragraphs}</p:txBody></p:sp>{more}</p:sld>"


def pptx(order: list[int], slides: Mapping[int, str], parts: Mapping[str, str] | None = None) -> bytes:
    """A deck whose slides are shown in an order of their own."""
    ids = "".join(f'<p:sldId r:id="rId{number}" id="{255 + number}"/>' for number in order)
    links = relations(**{f"rId{number}_slide": f"slides/slide{number}.xml" for number in slides})
    return archive(
        {
            "_rels/.rels": relations(a_officeDocument="/ppt/presentation.xml"),
            "ppt/presentation.xml": f"<p:presentation {P} {R}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
            "ppt/_rels/presentation.xml.rels": links,
            **{f"ppt/slides/slide{number}.xml": text for number, text in slides.items()},
            **(parts or {}),
        }
    )


def xlsx(rows: str, parts: Mapping[str, str] | None = None, *, formats: str = "", **targets: str) -> bytes:
    """A workbook with a sheet, other parts, and the sheet's relations to them; `formats` are of styles 1 and up."""
    codes = [code for code in formats.split("|") if code]
    own = "".join(f'<numFmt numFmtId="{164 + n}" formatCode="{code}"/>' for n, code in enumerate(codes))
    styles = "".join(f'<xf numFmtId="{164 + n}"/>' for n in range(len(codes)))
    book = f'<workbook {S} {R}><sheets><sheet name="Ledger" sheetId="1" r:id="rId1"/></sheets></workbook>'
    return archive(
        {
            "_rels/.rels": relations(a_officeDocument="xl/workbook.xml"),
            "xl/workbook.xml": book,
            "xl/_rels/workbook.xml.rels": relations(
                rId1_worksheet="worksheets/sheet1.xml", b_styles="styles.xml", c_sharedStrings="sharedStrings.xml"
            ),
            "xl/styles.xml": f"<styleSheet {S}><numFmts>{own}</numFmts><cellXfs><xf/>{styles}</cellXfs></styleSheet>",
            "xl/worksheets/sheet1.xml": f"<worksheet {S}><sheetData>{rows}</sheetData></worksheet>",
            "xl/worksheets/_rels/sheet1.xml.rels": relations(**targets),
            **(parts or {}),
        }
    )


def shapes(*texts: str) -> str:
    """Text boxes of DrawingML."""
    paragraphs = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in texts)
    return f"<xdr:wsDr xmlns:xdr='x' {A}>{paragraphs}</xdr:wsDr>"


def smart_art(*texts: str) -> str:
    points = "".join(f"<d:pt><d:t>\n  <a:p><a:r><a:t>{text}</a:t></a:r></a:p></d:t></d:pt>" for text in texts)
    return f'<d:dataModel xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/diagram" {A}>{points}</d:dataModel>'


def chart(title: str, categories: list[str], name: str, values: list[str], code: str = "General") -> str:
    """A chart with one series."""

    def cached(tag: str, texts: list[str], head: str = "") -> str:
        points = "".join(f'<c:pt idx="{number}"><c:v>{text}</c:v></c:pt>' for number, text in enumerate(texts))
        return f"<c:{tag}>{head}{points}</c:{tag}>"

    series = (
        f"<c:tx><c:strRef>{cached('strCache', [name])}</c:strRef></c:tx>"
        f"<c:cat><c:strRef>{cached('strCache', categories)}</c:strRef></c:cat>"
        f"<c:val><c:numRef>{cached('numCache', values, f'<c:formatCode>{code}</c:formatCode>')}</c:numRef></c:val>"
    )
    title = f"<c:title><c:tx><c:rich><a:p><a:r><a:t>{title}</a:t></a:r></a:p></c:rich></c:tx></c:title>"
    return f"<c:chartSpace {C} {A}><c:chart>{title}<c:ser>{series}</c:ser></c:chart></c:chartSpace>"
