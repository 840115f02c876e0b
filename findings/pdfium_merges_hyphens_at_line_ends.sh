#!/usr/bin/env bash
# PDFium (pypdfium2 5.15.2) makes one character of a hyphen at a line's end and the line's end: a hard hyphen and a soft
# one (U+00AD) become the same, so that nobody can tell "well-known" from "software" any more. And its two calls for a
# page's text give two characters for it: U+FFFE and U+0002. pypdf 7.1.1 keeps both hyphens and the lines.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check pypdfium2==5.15.2 pypdf==7.1.1 reportlab==5.1.0
"$work/python/bin/python" - <<'PROGRAM'
import io
from importlib.metadata import version

import pypdf
import pypdfium2
from reportlab.pdfgen import canvas

file = io.BytesIO()
page = canvas.Canvas(file)
for number, line in enumerate(("a well-", "known case", "of soft\u00ad", "ware")):
    page.drawString(72, 700 - 14 * number, line)
page.save()
text = pypdfium2.PdfDocument(file.getvalue())[0].get_textpage()
texts = [text.get_text_range(), text.get_text_bounded(), pypdf.PdfReader(file).pages[0].extract_text().strip()]
print("pypdfium2", version("pypdfium2"), pypdfium2.PDFIUM_INFO, "pypdf", version("pypdf"))
print("\n".join(map(ascii, texts)))
assert texts[0] == "a well\ufffeknown case\r\nof soft\ufffeware", "the range has other characters now"
assert texts[1] == "a well\x02known case\r\nof soft\x02ware", "the bounded text has other characters now"
assert texts[2] == "a well-\nknown case\nof soft\u00ad\nware"
PROGRAM
