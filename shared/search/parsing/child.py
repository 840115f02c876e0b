"""The child process that reads files, one after the other: a JSON line on its input names each.

It limits itself before it looks at a file, prints one JSON line per chunk, then that it is done or why it failed, and
an empty line. Whatever else happens to it is the file's fault too.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.search.parsing import html, office, pdf, sheets, text
from shared.search.parsing.chunking import Strategy, chunk
from shared.search.parsing.formats import ParsingFailed, extension, invalid, reader_of
from shared.search.parsing.tables import Table, Text, joined, markdown_tables, tabbed_tables

#: Bytes of memory that the process may have.
MEMORY: Final = 1024 * 1024 * 1024
#: For one file.
CPU_SECONDS: Final = 50
#: Files that one process reads at most, and bytes of memory that it may have grown by when it takes another.
FILES: Final = 500
GROWTH: Final = 64 * 1024 * 1024
#: Characters of one file at most: about what `MAX_TOKENS` of English are.
CHARACTERS: Final = 30_000_000
#: PDFs may map letters to halves of characters.
LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
#: Zero characters cannot be stored everywhere, soft hyphens are not seen.
UNSEEN: Final = {0: None, 0xAD: None}


def main() -> None:
    """Answer each question on the input, until a file did not end well or enough have been read."""
    limit()
    before = peak()
    for number, line in enumerate(sys.stdin, 1):
        limit_time()
        more = answer(json.loads(line), more=number < FILES and peak() - before < GROWTH)
        sys.stdout.write("\n")
        sys.stdout.flush()
        if not more:
            return


def answer(question: dict[str, Any], *, more: bool) -> bool:
    """Read, cut and print; whether another file may follow."""
    try:
        count = 0
        document = text_of(question["path"], question["filename"])
        for piece in chunk(document.text, Strategy(question["size"], question["overlap"]), document.tables):
            print_line({"text": piece.text, "overlap": piece.overlap})
            count += 1
        if count == 0:
            raise invalid("The file contains no text.")
        print_line({"done": count, "omitted": document.omitted, "more": more})
        return more
    except ParsingFailed as error:
        print_line({"code": error.code, "message": error.message})
    except (MemoryError, RecursionError):
        print_line({"code": "invalid_file", "message": "The file needs too much memory to read."})
    except Exception:
        print_line({"code": "invalid_file", "message": "The file is broken."})
    return False


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
        (resource.RLIMIT_CPU, CPU_SECONDS * FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def limit_time() -> None:
    """Bound the next file's processor time: the limit counts all that the process has used."""
    if sys.platform == "win32":
        return
    import resource  # not on Windows  # noqa: PLC0415

    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (min(most, math.ceil(time.process_time()) + CPU_SECONDS), most))


def peak() -> int:
    """Bytes of memory that the process has used at most; 0 where nobody counts."""
    if sys.platform == "win32":
        return 0
    import resource  # not on Windows  # noqa: PLC0415

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def print_line(value: dict[str, Any]) -> None:
    """One JSON value on a line of its own."""
    sys.stdout.write(json.dumps(value) + "\n")
