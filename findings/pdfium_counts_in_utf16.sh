#!/usr/bin/env bash
# PDFium (pypdfium2 5.15.2) numbers a page's characters in UTF-16: a letter beyond U+FFFF has two numbers, and every
# number after it, be it of a box or of what a search found, is one off from the index into the text that the same page
# gave. Half a letter is given as an empty text, not as an error.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check pypdfium2==5.15.2 fpdf2==2.8.9
npm install --silent --no-fund --no-audit --prefix "$work" dejavu-fonts-ttf@2.37.3
"$work/python/bin/python" - "$work/node_modules/dejavu-fonts-ttf/ttf/DejaVuSans.ttf" <<'PROGRAM'
import sys
from importlib.metadata import version

import fpdf
import pypdfium2

file = fpdf.FPDF()
file.add_page()
file.add_font("DejaVu", fname=sys.argv[1])
file.set_font("DejaVu", size=12)
file.cell(text="set \U0001d54a is open")
page = pypdfium2.PdfDocument(bytes(file.output()))[0].get_textpage()
text = page.get_text_range()
found, length = page.search("open").get_next()
print("pypdfium2", version("pypdfium2"), pypdfium2.PDFIUM_INFO)
print(ascii(text), len(text), "characters, PDFium counts", page.count_chars())
print(f'it finds "open" at {found}, where the text has {text[found : found + length]!r}')
assert text == "set \U0001d54a is open"
assert page.count_chars() == len(text) + 1, "it counts as Python does now"
assert (found, text.index("open")) == (10, 9), "it finds things at Python's index now"
assert page.get_text_range(4, 1) == "" and page.get_text_range(4, 2) == text[4], "halves are given otherwise now"
PROGRAM
