"""PDF pages as plain text, by PDFium (pypdfium2): what is drawn, what was filled into forms, what was typed on top."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.search.parsing.formats import invalid
from shared.search.parsing.hyphens import whole_words
from shared.search.parsing.tables import Text

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument


def pages(path: str) -> Iterator[Text]:
    """The text of each page, then which pages had none. Raises ParsingFailed for what is no PDF, or only pictures."""
    from pypdfium2 import PdfiumError

    from shared.search.parsing.pdf_page import text_of

    document = opened(path)
    unread, read = [], False
    for number in range(len(document)):
        try:
            text = text_of(document, number)
        except PdfiumError:
            text = None
        if not text:
            # An empty page is no loss.
            unread += [] if text == "" else [number + 1]
            continue
        read = True
        yield Text(whole_words(text))
    if unread and not read:
        raise invalid("The PDF contains no text: its pages are pictures.")
    if unread:
        note = f"[Pages without readable text, pictures perhaps: {spans(unread)}]"
        yield Text(note, omitted=(f"pages without readable text, pictures perhaps: {spans(unread)}",))


def opened(path: str) -> PdfDocument:
    """The document, with its forms. Raises ParsingFailed."""
    from pypdfium2 import PdfDocument, PdfiumError, raw

    try:
        document = PdfDocument(path)
        document.init_forms()
    except PdfiumError as error:
        if error.err_code == raw.FPDF_ERR_PASSWORD:
            raise invalid("The PDF is protected by a password.") from error
        raise invalid("The file is not a valid PDF.") from error
    return document


def spans(numbers: list[int]) -> str:
    """`1, 3-5` of 1, 3, 4, 5."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
