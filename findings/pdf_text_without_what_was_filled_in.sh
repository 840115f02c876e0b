#!/usr/bin/env bash
# The text of a page, by PDFium (pypdfium2 5.15.2) as by pypdf 7.1.1, has neither the values of a form's fields nor notes
# typed on top; loading the form (`init_forms`) changes nothing. Of a filled form only the questions are read. Once
# PDFium has flattened the page, the value is there; a note as pypdf writes it (without an appearance) not even then.
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
from pypdf.annotations import FreeText
from pypdfium2 import raw
from reportlab.pdfgen import canvas

form = io.BytesIO()
page = canvas.Canvas(form)
page.drawString(72, 700, "City:")
page.acroForm.textfield(name="city", value="Oslo", x=172, y=696, width=200, height=20)
page.save()
writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(form))
writer.add_annotation(0, FreeText(text="paid in June", rect=(72, 600, 272, 620)))
filled = io.BytesIO()
writer.write(filled)

by_pypdf = pypdf.PdfReader(filled).pages[0].extract_text().strip()
with_form = pypdfium2.PdfDocument(filled.getvalue())
with_form.init_forms()
page = with_form[0]
by_pdfium = page.get_textpage().get_text_range()
document = pypdfium2.PdfDocument(filled.getvalue())
page = document[0]
raw.FPDFPage_Flatten(page.raw, raw.FLAT_NORMALDISPLAY)
page = document[0]
flattened = page.get_textpage().get_text_range()
print("pypdfium2", version("pypdfium2"), pypdfium2.PDFIUM_INFO, "pypdf", version("pypdf"))
print([by_pypdf, by_pdfium, flattened])
assert by_pypdf == "City:", "pypdf reads what was filled in now"
assert by_pdfium == "City:", "PDFium reads what was filled in now"
assert flattened.split() == ["City:", "Oslo"], "flattening does something else now"
PROGRAM
