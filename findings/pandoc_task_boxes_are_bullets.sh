#!/usr/bin/env bash
# pandoc 3.9 writes the boxes of a task list into a DOCX as bullets of two lists: the document's text says nothing of
# what is done and what is not, only word/numbering.xml does. Whoever reads paragraphs loses the ticks.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/python"
"$work/python/bin/python" -m pip install --quiet --disable-pip-version-check pypandoc_binary==1.17 python-docx==1.2.0
cd "$work"
"$work/python/bin/python" - <<'PROGRAM'
import zipfile

import docx
import pypandoc

print("pandoc", pypandoc.get_pandoc_version())
pypandoc.convert_text("- [x] paid\n- [ ] late\n", "docx", "markdown", outputfile="tasks.docx")
texts = [paragraph.text for paragraph in docx.Document("tasks.docx").paragraphs]
numbering = zipfile.ZipFile("tasks.docx").read("word/numbering.xml").decode()
print("paragraphs:", texts)
print("boxes in word/numbering.xml:", "☒" in numbering, "☐" in numbering)
assert texts == ["paid", "late"], "the text tells the boxes now"
assert "☒" in numbering and "☐" in numbering, "the boxes are written elsewhere now"
PROGRAM
