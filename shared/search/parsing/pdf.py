"""PDF pages as plain text, by pypdf."""

from __future__ import annotations

from collections.abc import Iterator

from shared.search.parsing.formats import invalid


def pages(path: str) -> Iterator[str]:
    """The text of each page; one that cannot be read is left out. Raises ParsingFailed for what is no PDF."""
    from pypdf import PdfReader  # heavy: loaded on first use  # noqa: PLC0415
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise invalid("The PDF is protected by a password.")
        count = len(reader.pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise invalid("The file is not a valid PDF.") from error
    for number in range(count):
        try:
            yield reader.pages[number].extract_text()
        except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            continue
