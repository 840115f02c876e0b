"""Bytes to text: byte order marks, UTF-8, UTF-16 without a mark; other encodings are recognised by their statistics.

chardet does that: of 180 texts in 26 languages and 40 encodings it names all but two so that they read right.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Final

from shared.search.parsing.formats import ParsingFailed, invalid

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SIGNATURES: Final = (
    b"%PDF-",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\xd0\xcf\x11\xe0",
    b"\x7fELF",
    b"\x1f\x8b",
)
CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
WINDOWS: Final = "cp1252"
#: Bytes by which an encoding is told.
SAMPLE: Final = 64 * 1024
#: What Windows, Unix, e-mail, DOS and old Macs wrote before Unicode; each more makes short texts harder to tell.
ENCODINGS: Final = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp866"),
    *("koi8-r", "koi8-u", "iso8859-2", "iso8859-5", "iso8859-7", "iso8859-15"),
    *("cp437", "cp850", "cp852", "cp857", "mac-roman", "mac-latin2"),
    *("gb18030", "big5hkscs", "cp949", "euc_jis_2004", "shift_jis_2004", "cp932", "utf-16-le", "utf-16-be"),
)
#: What chardet is told to answer when none of them fits; it cannot be the right one, for that text is UTF-8 too.
NONE_FITS: Final = "ascii"
#: So many bytes beyond ASCII say little: Windows-1252, the commonest, is believed if it is nearly as likely.
FEW: Final = 8
NEARLY: Final = 0.4
MONEY_IN_WORD: Final = re.compile(r"[£¥€¤¢][^\W\d_]")
#: What shows that another encoding was meant: controls, letters amid words of another script (`perchй`), signs amid
#: words (`Stra§e`).
MISREAD: Final = re.compile(
    r"[\x80-\x84\x86-\x9f\ufffd]|(?<=[A-Za-z])[\u0370-\u0e7f]|[\u0370-\u0e7f](?=[A-Za-z])"
    r"|(?<=[^\W\d_])[§¶¤¥£¢†‡‚„¦¬¨¸](?=[^\W\d_])"
)
#: The part of what is beyond ASCII that may look so.
ODD: Final = 0.1
#: Old Macs wrote small Cyrillic letters as Windows does, but for я, at the place of Я, which follows no small letter.
MAC_YA: Final = re.compile(rb"(?<=[\xe0-\xfe])\xdf")
WINDOWS_YA: Final = b"\xff"
#: Japanese mail switches to kanji with it; every byte is ASCII.
KANJI_IN: Final = b"\x1b$B"


def decode(data: bytes, declared: str | None = None) -> str:
    """The text; `declared` is its encoding if it is no Unicode. Raises ParsingFailed for what is no text."""
    if data.startswith(SIGNATURES):
        raise invalid("The file's content does not match its extension.")
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return checked(data.decode(encoding, "replace"))
    sample = data[:SAMPLE]
    for encoding, first in (("utf-16-le", 1), ("utf-16-be", 0)):
        if sample[first::2].count(0) > len(sample) // 8:
            return checked(data.decode(encoding, "replace"))
    text = utf_8(data)
    if text is None:
        text = named(data, declared)
    return checked(recognised(data) if text is None else text)


def utf_8(data: bytes) -> str | None:
    """The text, unless most of what is not ASCII is wrong: one bad byte does not make it another encoding."""
    try:
        text = data.decode("iso2022_jp" if KANJI_IN in data[:SAMPLE] else "utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    else:
        return None if garbled(text) else text
    wrong = text.count("\ufffd")
    letters = len(text) - len(text.encode("ascii", "ignore")) - wrong
    return text if wrong <= letters else None


def named(data: bytes, encoding: str | None) -> str | None:
    """The text in the encoding it declares, if it holds. As browsers do, Latin-1 is taken for Windows-1252."""
    if encoding is None:
        return None
    try:
        name = codecs.lookup(encoding).name
        return data.decode(WINDOWS if name == "iso8859-1" else name)
    except (LookupError, ValueError):
        return None


def recognised(data: bytes) -> str:
    """The text in the likeliest encoding. Raises ParsingFailed rather than guess at what looks like none."""
    import chardet

    likely = chardet.detect_all(
        data, ignore_threshold=True, compat_names=False, include_encodings=ENCODINGS, no_match_encoding=NONE_FITS
    )
    confidence = {name: found["confidence"] for found in likely if (name := found["encoding"]) is not None}
    if not confidence or NONE_FITS in confidence:
        raise unknown()
    ranked = sorted(confidence, key=lambda name: confidence[name], reverse=True)
    if 0 < sum(byte > 127 for byte in data) <= FEW:
        western = data.decode(WINDOWS, "replace")
        likely_enough = confidence.get(WINDOWS, 0) >= NEARLY * confidence[ranked[0]]
        if fits(western) and (likely_enough or only_signs(western)):
            return western
    best = next((name for name in ranked if fits(data[:SAMPLE].decode(name, "replace"))), None)
    if best is None:
        raise unknown()
    if best == "cp1251" and len(MAC_YA.findall(data)) > data.count(WINDOWS_YA):
        best = "mac-cyrillic"
    # Windows-1258 writes Vietnamese tones apart from their letters.
    return unicodedata.normalize("NFC", data.decode(best, "replace"))


def fits(text: str) -> bool:
    """Whether what is beyond ASCII is what texts have: no controls, no letters or signs amid other words."""
    beyond = sum(not character.isascii() for character in text)
    return len(MISREAD.findall(text)) <= beyond * ODD


def only_signs(text: str) -> bool:
    """Whether everything beyond ASCII is punctuation or a symbol: `5 × 3`, `20 °C`, `£25`, but not `£ukasz`."""
    signs = [unicodedata.category(character) for character in text if not character.isascii()]
    return all(sign[0] in "PSZ" for sign in signs) and not MONEY_IN_WORD.search(text)


def checked(text: str) -> str:
    """The text, if it looks like one. Raises ParsingFailed."""
    if garbled(text):
        raise unknown()
    return text


def garbled(text: str) -> bool:
    """Whether too much of it is no character of a text."""
    sample = text[:SAMPLE]
    return len(CONTROLS.findall(sample)) + sample.count("\ufffd") > len(sample) // 50


def unknown() -> ParsingFailed:
    """Said as the hosted service says what it takes."""
    return invalid("The file is not a text file, or its encoding is unknown: text must be utf-8, utf-16 or ascii.")
