"""What people put onto a PDF page: values of fields, ticked boxes, typed notes. Loads pypdfium2: import it late."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pypdfium2 import PdfDocument, PdfPage, raw

#: Invisible, hidden, not shown on screens.
UNSEEN: Final = raw.FPDF_ANNOT_FLAG_INVISIBLE | raw.FPDF_ANNOT_FLAG_HIDDEN | raw.FPDF_ANNOT_FLAG_NOVIEW
VALUES: Final = {raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX}
BOXES: Final = {raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON}
#: Written on the page itself.
TYPED: Final = raw.FPDF_ANNOT_FREETEXT
#: Written beside it: comments.
NOTES: Final = {
    *(raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_HIGHLIGHT, raw.FPDF_ANNOT_UNDERLINE, raw.FPDF_ANNOT_SQUIGGLY),
    *(raw.FPDF_ANNOT_STRIKEOUT, raw.FPDF_ANNOT_CARET, raw.FPDF_ANNOT_STAMP),
}


@dataclass(frozen=True, slots=True)
class Field:
    """Something typed or ticked."""

    text: str
    #: Left, bottom, right and top in points; without a place it belongs to the whole page.
    box: tuple[float, float, float, float]
    #: What the form calls it; empty for notes.
    name: str = ""
    #: Whether it is a box to tick.
    ticked: bool = False

    @property
    def named(self) -> str:
        """How it reads away from its place."""
        return f"{self.name}: {self.text}" if self.name else self.text


def fields_of(document: PdfDocument, page: PdfPage) -> list[Field]:
    """What was put onto the page, from the top down."""
    found = [field for annotation in shown(page) if (field := read(document, annotation)) is not None]
    return sorted(found, key=lambda field: (-field.box[3], field.box[0]))


def shown(page: PdfPage) -> Iterator[Any]:
    """The page's annotations that are shown, each open until the next."""
    for number in range(raw.FPDFPage_GetAnnotCount(page.raw)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        if raw.FPDFAnnot_GetFlags(annotation) & UNSEEN == 0:
            yield annotation
        raw.FPDFPage_CloseAnnot(annotation)


def read(document: PdfDocument, annotation: Any) -> Field | None:
    """What an annotation says; None for links, buttons and what is empty."""
    kind, box = raw.FPDFAnnot_GetSubtype(annotation), box_of(annotation)
    if kind == raw.FPDF_ANNOT_WIDGET and document.formenv is not None:
        return value(document.formenv.raw, annotation, box)
    if kind != TYPED and kind not in NOTES:
        return None
    text = string(lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size)).strip()
    if kind in NOTES:
        box = (0.0, 0.0, 0.0, 0.0)
    return Field(text, box) if text else None


def value(form: Any, annotation: Any, box: tuple[float, float, float, float]) -> Field | None:
    """What is in a form's field."""
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    name = string(lambda buffer, size: raw.FPDFAnnot_GetFormFieldName(form, annotation, buffer, size))
    if kind in BOXES:
        return Field("☒" if raw.FPDFAnnot_IsChecked(form, annotation) else "☐", box, name, ticked=True)
    if kind not in VALUES:
        return None
    text = string(lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size)).strip()
    return Field(text, box, name) if text else None


def box_of(annotation: Any) -> tuple[float, float, float, float]:
    """Where it is on the page."""
    rectangle = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, ctypes.byref(rectangle))
    horizontal, vertical = sorted((rectangle.left, rectangle.right)), sorted((rectangle.bottom, rectangle.top))
    return horizontal[0], vertical[0], horizontal[1], vertical[1]


def string(get: Callable[[Any, int], int]) -> str:
    """A string that PDFium gives as UTF-16, its size first."""
    size = get(None, 0)
    buffer = ctypes.create_string_buffer(size)
    get(ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), size)
    return buffer.raw.decode("utf-16-le", "replace").rstrip("\0").replace("\r", "\n")
