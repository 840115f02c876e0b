"""Small documents made by hand, honest and hostile."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import AsyncIterator

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


def archive(parts: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return buffer.getvalue()


def docx(*paragraphs: str, prolog: str = "", **parts: str) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    document = f"<?xml version='1.0'?>{prolog}<w:document {W}><w:body>{body}</w:body></w:document>"
    return archive({"word/document.xml": document, **{f"word/{name}.xml": text for name, text in parts.items()}})


def pptx(*slides: str) -> bytes:
    text = "<p:sld xmlns:p='p' {a}><a:p><a:r><a:t>{t}</a:t></a:r></a:p></p:sld>"
    return archive({f"ppt/slides/slide{n}.xml": text.format(a=A, t=slide) for n, slide in enumerate(slides, 1)})


def xlsx(strings: list[str], rows: str, **parts: str) -> bytes:
    shared = "".join(f"<si><t>{text}</t></si>" for text in strings)
    return archive(
        {
            "xl/sharedStrings.xml": f"<sst {S}>{shared}</sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet {S}><sheetData>{rows}</sheetData></worksheet>",
            **{f"xl/{name}.xml": text for name, text in parts.items()},
        }
    )


#: A page on which lines are drawn, but nothing is written.
LINES = "\f"


def pdf(pages: list[str], *, stream: bytes | None = None, **meanings: str) -> bytes:
    """Pages of Helvetica text, a line per line; `stream` replaces every page's content, letters may mean others."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for text in pages:
        lines = "".join(f"({line}) Tj 0 -14 Td\n" for line in text.splitlines())
        written = "0 0 m 99 99 l S" if text == LINES else f"BT /F1 11 Tf 50 780 Td\n{lines}ET" if text else ""
        content = stream or zlib.compress(written.encode())
        kids.append(len(objects) + 1)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects) + 2} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        head = f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n"
        objects.append(head + content.decode("latin-1") + "\nendstream")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] >>"
    if meanings:
        letters = " ".join(f"<{ord(letter):02x}> <{meaning}>" for letter, meaning in meanings.items())
        cmap = f"begincmap {len(meanings)} beginbfchar {letters} endbfchar endcmap"
        objects.append(f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream")
        objects[2] = f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode {len(objects)} 0 R >>"
    return assemble(objects)


def drawn_pdf(content: str, *annotations: str, encoding: str = "") -> bytes:
    """A page of Times with this content stream; annotations of a form's fields lie on it."""
    kids = " ".join(f"{number} 0 R" for number in range(6, 6 + len(annotations)))
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman /Encoding "
    return assemble(
        [
            f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{kids}] >> >>",
            "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            f" /Resources << /Font << /F1 5 0 R >> >> /Annots [{kids}] >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
            font + (f"<< /Type /Encoding /Differences [{encoding}] >> >>" if encoding else "/WinAnsiEncoding >>"),
            *(f"<< /Type /Annot {annotation} >>" for annotation in annotations),
        ]
    )


def endless_pdf() -> bytes:
    """A page tree that contains itself."""
    return assemble(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 999999999 /Kids [2 0 R 2 0 R] >>"])


def assemble(objects: list[str]) -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + content.encode("latin-1") + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()
    return bytes(out)
