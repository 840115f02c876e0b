#!/usr/bin/env bash
# Makes the corpus anew. Wants soffice (7.4), chromium, node and iconv; installs the other writers into a folder of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$(mktemp -d)}
mkdir -p "$work"
[ -x "$work/python/bin/python" ] || python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet python-docx==1.2.0 python-pptx==1.0.2 openpyxl==3.1.5 XlsxWriter==3.3.1 \
  pandas==3.1.1 reportlab==5.1.0 fpdf2==2.8.9 pymupdf==2.0 matplotlib==3.11.2 weasyprint==70.0 typst==0.15.2 \
  Markdown==3.11.3 pypandoc_binary==1.17
npm install --silent --prefix "$work" docx@9.15.2 pptxgenjs@4.0.1 exceljs@4.4.0 xlsx@0.18.5 pdfkit@0.20.2 jspdf@4.2.1 \
  pdf-lib@1.17.1 marked@18.2.1 html-to-docx@1.8.0
for script in word slides sheets pdfs; do "$work/python/bin/python" -W ignore "$here/$script.py"; done
(cd "$work" && node "$here/node.mjs")
for script in libreoffice pandoc; do "$work/python/bin/python" "$here/$script.py"; done
