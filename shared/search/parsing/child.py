"""The child process that reads one file: `child.main(path, filename, size, overlap)`.

It limits itself before it looks at the file, prints one JSON line per chunk, and as the last line that it is done or
why it failed. Whatever else happens to it is the file's fault too.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.search.parsing import html, office, pdf, sheets, text
from shared.search.parsing.chunking import Strategy, chunk
from shared.search.parsing.formats import ParsingFailed, extension, invalid, reader_of
from shared.search.parsing.tables import Table, Text, joined, markdown_tables, tabbed_tables

MEMORY: Final = 1024 * 1024 * 1024
CPU_SECONDS: Final = 50
#: Characters of one file at most: about what `MAX_TOKENS` of English are.
CHARACTERS: Final = 30_000_000
#: PDFs may map letters to halves of characters.
LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
#: Zero characters cannot be stored everywhere, soft hyphens are not seen.
UNSEEN: Final = {0: None, 0xAD: None}


def main(path: str, filename: str, size: str, overlap: str) -> None:
    """Read, cut and print."""
    limit()
    try:
        count = 0
        document = text_of(path, filename)
        for piece in chunk(document.text, Strategy(int(size), int(overlap)), document.tables):
            print_line({"text": piece.text, "overlap": piece.overlap})
            count += 1
        if count == 0:
            raise invalid("The file contains no text.")
        print_line({"done": count, "omitted": document.omitted})
    except ParsingFailed as error:
        print_line({"code": error.code, "message": error.message})
    except (MemoryError, RecursionError):
        print_line({"code": "invalid_file", "message": "The file needs too much memory to read."})
    except Exception:
        print_line({"code": "invalid_file", "message": "The file is broken."})


def read(path: str, filename: str) -> str:
    """The file's text alone. Raises ParsingFailed."""
    return text_of(path, filename).text


def text_of(path: str, filename: str) -> Text:
    """The file's text, its tables, and what was left out. Raises ParsingFailed."""
    reader = reader_of(filename)
    if Path(path).stat().st_size == 0:
        raise invalid("The file is empty.")
    if reader == "text":
        source = text.decode(Path(path).read_bytes()).strip()
        if extension(filename) != ".md":
            return cleaned(Text(source))
        source = clean(source.replace("&shy;", ""))
        return Text(source, tuple(markdown_tables(source)))
    if reader == "html":
        source = clean(html.visible_text(html.decode(Path(path).read_bytes())))
        return Text(source, tuple(tabbed_tables(source)))
    return cleaned(joined(within_budget(pages(reader, path))))


def clean(text: str) -> str:
    """The text without what is no character or not seen, or cannot be sent everywhere."""
    return LONE_SURROGATE.sub("\ufffd", text.translate(UNSEEN))


def cleaned(page: Text) -> Text:
    """A page with clean text, its tables where they are now."""
    text = clean(page.text)
    if text == page.text:
        return page
    tables = [(clean(page.text[: table.start]), clean(page.text[: table.end]), table.head) for table in page.tables]
    return Text(text, tuple(Table(len(start), len(end), clean(head)) for start, end, head in tables), page.omitted)


def pages(reader: str, path: str) -> Iterator[Text]:
    """The pages, parts or sheets of a document."""
    return {"docx": office.docx, "pdf": pdf.pages, "pptx": office.pptx, "xlsx": sheets.xlsx}[reader](path)


def within_budget(texts: Iterator[Text]) -> Iterator[Text]:
    """The same texts until they are too many."""
    left = CHARACTERS
    for page in texts:
        left -= len(page.text)
        if left < 0:
            raise invalid("The file has too much text.")
        yield page


def limit() -> None:
    """Bound memory, processor time and files written; Windows has only the parent's timeout."""
    if sys.platform == "win32":
        return
    import resource  # not on Windows  # noqa: PLC0415

    for kind, value in (
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def print_line(value: dict[str, Any]) -> None:
    """One JSON value on a line of its own."""
    sys.stdout.write(json.dumps(value) + "\n")
