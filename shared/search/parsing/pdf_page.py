"""One PDF page as text: PDFium's characters, set right where their places on the page say that they are not.

Loads pypdfium2: import it late.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property
from typing import Final

from pypdfium2 import PdfDocument, PdfTextPage, raw

from shared.search.parsing.pdf_fields import Field, fields_of

#: Left, bottom, right and top in points, from the page's lower left corner.
Box = tuple[float, float, float, float]

#: Accents that stand alone, as TeX's older fonts draw them, and what joins them to a letter.
ACCENTS: Final = dict(
    zip("`´ˆ˜¯˘˙¨˚˝ˇ¸˛", "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327\u0328", strict=True)
)
ACCENTED: Final = re.compile(rf"([{''.join(ACCENTS)}])\s{{0,2}}([^\W\d_])")
DOTLESS: Final = {"ı": "i", "ȷ": "j"}
#: A word that is written from right to left.
LEFTWARD: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]{2,}")
#: Joined letters, shapes that letters take in words, and letters of formulas: nobody searches for them.
SHAPED: Final = re.compile("[\ufb00-\ufdff\ufe70-\ufefc\U0001d400-\U0001d7ff]+")
#: Points between a field and its label at most, beside it and above it.
BESIDE: Final = 250
ABOVE: Final = 25
#: Points by which a field and the label behind it may overlap.
TOUCHING: Final = 3


def text_of(document: PdfDocument, number: int) -> str | None:
    """The page's text; None when it is drawn on, but not with text. Raises PdfiumError."""
    page = document[number]
    fields = fields_of(document, page)
    typed = Typed(page.get_textpage())
    typed.join_accents()
    typed.turn_words()
    typed.fill_in(fields)
    text = SHAPED.sub(lambda shaped: unicodedata.normalize("NFKC", shaped[0]), typed.text).strip()
    return None if text == "" and raw.FPDFPage_CountObjects(page.raw) > 0 else text


class Typed:
    """A page's characters, which can be changed one by one, with their places."""

    def __init__(self, page: PdfTextPage):
        self._page = page
        self._source: str = page.get_text_range().replace("\r\n", " \n")
        self._now = list(self._source)

    @property
    def text(self) -> str:
        """The page as it is now."""
        return re.sub(" *\n", "\n", "".join(self._now))

    def join_accents(self) -> None:
        """`´` drawn over an `e` is an é."""
        for match in ACCENTED.finditer(self._source):
            accent, letter = match.start(1), match.start(2)
            joined = unicodedata.normalize("NFC", DOTLESS.get(match[2], match[2]) + ACCENTS[match[1]])
            if len(joined) == 1 and over(self._box(accent), self._box(letter)):
                self._now[accent:letter] = [""] * (letter - accent)
                self._now[letter] = joined

    def turn_words(self) -> None:
        """Chromium's Arabic comes with the letters of each word in the order of the page, left to right."""
        for match in LEFTWARD.finditer(self._source):
            first, last = match.start(), match.end() - 1
            if self._box(first)[0] < self._box(last)[0]:
                self._now[first : last + 1] = self._now[first : last + 1][::-1]

    def fill_in(self, fields: list[Field]) -> None:
        """Put what was typed behind its label; what has none comes last."""
        for field in fields:
            label = self._label(field)
            if label is None:
                self._now.append(f"\n{field.named}")
            elif field.ticked and self._box(label)[0] >= field.box[2] - TOUCHING:
                first = label - len(re.split(r"\s", self._source[:label])[-1])
                self._now[first] = f"{field.text} {self._now[first]}"
            else:
                # A label may reach into its field; behind its last letter the value stands for itself.
                last = label + len(re.split(r"\s", self._source[label + 1 :], maxsplit=1)[0])
                self._now[last] += f" {field.text}"

    def _label(self, field: Field) -> int | None:
        """The character next to the field: left of it, right of a box to tick, or else above."""
        left, bottom, right, top = field.box
        near: list[tuple[float, int]] = []
        for number, box in self._boxes:
            if min(box[3], top) - max(box[1], bottom) > (box[3] - box[1]) * 0.6:
                near.append((left - box[2], number))
                if field.ticked:
                    near.append((box[0] - right, number))
            elif not field.ticked and left - 5 <= box[0] <= right and box[3] > top and box[1] - top <= ABOVE:
                # Of the letters above the last one, and any beside rather than that.
                near.append((BESIDE + box[1] - top - (box[0] - left) / 1000, number))
        near = [(distance, number) for distance, number in near if -TOUCHING <= distance <= BESIDE + ABOVE]
        return min(near)[1] if near else None

    @cached_property
    def _boxes(self) -> list[tuple[int, Box]]:
        return [(number, self._box(number)) for number, letter in enumerate(self._source) if letter.strip()]

    @cached_property
    def _places(self) -> list[int]:
        """PDFium's number of each character: it counts a letter beyond U+FFFF twice."""
        places, place = [], 0
        for letter in self._source:
            places.append(place)
            place += 1 if letter <= "\uffff" else 2
        return places

    def _box(self, number: int) -> Box:
        place = raw.FPDFText_GetCharIndexFromTextIndex(self._page.raw, self._places[number])
        box: Box = self._page.get_charbox(place) if place >= 0 else (0.0, 0.0, 0.0, 0.0)
        return box


def over(accent: Box, letter: Box) -> bool:
    """Whether an accent is drawn on its letter rather than before it."""
    middle = (accent[0] + accent[2]) / 2
    return bool(letter[0] - 1 <= middle <= letter[2] + 1)
