#!/usr/bin/env bash
# python-docx 1.2.0: `paragraph.text` leaves out symbols (w:sym) and formulas without a word, so that a limit loses its
# sign: "above ≥5" is "above 5", and a sum of which half is a formula ends in nothing. It reads non-breaking hyphens.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check python-docx==1.2.0
"$work/python/bin/python" - <<'PROGRAM'
import docx
from docx.oxml import parse_xml

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
M = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
print("python-docx", docx.__version__)


def text(*parts):
    paragraph = docx.Document().add_paragraph()
    for part in parts:
        paragraph._p.append(parse_xml(part))
    return paragraph.text


hyphen = text(f"<w:r {W}><w:t>1</w:t><w:noBreakHyphen/><w:t>24</w:t></w:r>")
symbol = text(f'<w:r {W}><w:t>above </w:t><w:sym w:font="Symbol" w:char="F0B3"/><w:t>5</w:t></w:r>')
formula = text(f"<w:r {W}><w:t>half is </w:t></w:r>", f"<m:oMath {M}><m:r><m:t>1/2</m:t></m:r></m:oMath>")
print([hyphen, symbol, formula])
assert (hyphen, symbol, formula) == ("1-24", "above 5", "half is "), "it reads otherwise now"
PROGRAM
