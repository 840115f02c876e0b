"""Numbers as a sheet shows them: by format code, as ECMA-376 part 1, 18.8.30 and 18.8.31 define it.

Dates and times come in ISO's form whatever the format's order, so that they can be found and compared. Colours, padding
and conditions are left out; money comes with the format's own sign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Final

GENERAL: Final = "General"
#: The formats that files name by number only.
BUILT_IN: Final = {
    **dict(enumerate((GENERAL, "0", "0.00", "#,##0", "#,##0.00", "#,##0", "#,##0", "#,##0.00", "#,##0.00"))),
    **dict(enumerate(("0%", "0.00%", "0.00E+00", "# ?/?", "# ??/??"), 9)),
    **dict.fromkeys((*range(14, 18), 22, *range(27, 32), 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((*range(18, 22), *range(32, 36), 45, 47), "h:mm"),
    **dict(enumerate(("#,##0;(#,##0)", "#,##0;(#,##0)", "#,##0.00;(#,##0.00)", "#,##0.00;(#,##0.00)"), 37)),
    **dict(enumerate(("#,##0", "#,##0", "#,##0.00", "#,##0.00"), 41)),
    46: "[h]:mm:ss",
    48: "0.0E+0",
}
EPOCHS: Final = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}
#: The day that Excel counts though it never was, 29 February 1900.
NO_DAY: Final = 60
#: One piece of a format: text in quotes, an escaped letter, room, a fill, something in brackets, or a letter.
PIECE: Final = re.compile(r'"([^"]*)"?|\\(.)|(_.)|(\*.)|\[([^\]]*)\]|(General)|(E[+-])|(.)', re.IGNORECASE | re.DOTALL)
MONEY: Final = re.compile(r"\$([^-]*)")
#: Characters of a format; Excel writes no longer one.
LONGEST_CODE: Final = 255
#: A number that needs no rounding.
SHORT: Final = re.compile(r"-?(?:\d{1,15}|\d{1,8}\.\d{1,7})")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a format: its kind is the sign itself, or `text`, `elapsed`, `general`, `exponent`."""

    kind: str
    text: str = ""


def shown(value: str, code: str = GENERAL, *, since_1904: bool = False) -> str:
    """A cell's number in its format; what is no number, or a format that is too odd, comes as it is."""
    if code == GENERAL and SHORT.fullmatch(value):
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    if not number.is_finite() or abs(number) > Decimal("1e100") or len(code) > LONGEST_CODE:
        return value
    if code == GENERAL:
        return plain(number)
    pieces, sign = section(code, number)
    kinds = {piece.kind for piece in pieces}
    if "elapsed" in kinds:
        return elapsed(number)
    if "general" in kinds or not kinds - {"text"}:
        text = "".join(piece.text for piece in pieces)
        return around(text, pieces, sign + plain(abs(number))) if "general" in kinds else text or plain(number)
    if kinds & set("dmyhs") and not kinds & {"#", "?"}:
        return moment(number, kinds, since_1904=since_1904)
    try:
        return (kinds & set("0#?") and numeral(abs(number), pieces, sign).strip()) or plain(number)
    except InvalidOperation:
        return plain(number)


def section(code: str, number: Decimal) -> tuple[list[Piece], str]:
    """The part of a format that a number of this sign has, and the sign that it must still be given."""
    sections = sections_of(code)
    if number < 0 and len(sections) > 1:
        return sections[1], ""
    if number == 0 and len(sections) > 2:
        return sections[2], ""
    return sections[0], "-" if number < 0 else ""


@lru_cache(256)
def sections_of(code: str) -> list[list[Piece]]:
    """The parts of a format: for positive numbers, negative ones, zero."""
    sections: list[list[Piece]] = [[]]
    for match in PIECE.finditer(code):
        if match[0] == ";":
            sections.append([])
        else:
            sections[-1] += piece(match)
    return sections


def piece(match: re.Match[str]) -> list[Piece]:
    """What a match of `PIECE` is."""
    quoted, escaped, room, fill, bracket, general, exponent, letter = match.groups()
    if room or fill:
        return []
    if bracket is not None:
        if bracket and set(bracket.lower()) <= set("hms"):
            return [Piece("elapsed")]
        money = MONEY.match(bracket)
        return [Piece("text", money[1])] if money and money[1] else []
    if general:
        return [Piece("general")]
    if exponent:
        return [Piece("exponent")]
    if quoted is not None or escaped is not None:
        return [Piece("text", quoted or escaped or "")]
    low = letter.lower()
    return [Piece(low)] if low in "0#?.,%/dmyhs" else [Piece("text", "" if letter == "@" else letter)]


def around(text: str, pieces: list[Piece], number: str) -> str:
    """A number between the texts that a format has around `General`."""
    return "".join(number if piece.kind == "general" else piece.text for piece in pieces).strip() if text else number


def plain(number: Decimal) -> str:
    """A number without a format: fifteen digits, as files keep them."""
    if number == number.to_integral_value() and abs(number) < Decimal("1e21"):
        return str(int(number))
    text = format(float(number), ".15g")
    return text if "e" not in text or abs(number) < Decimal("1e-10") else f"{Decimal(text):f}"


def numeral(number: Decimal, pieces: list[Piece], sign: str) -> str:
    """A number that is not negative by its format's digits."""
    kinds = [piece.kind for piece in pieces]
    if "/" in kinds:
        return sign + ratio(number, kinds)
    if "exponent" in kinds:
        return sign + scientific(number, kinds[: kinds.index("exponent")])
    number *= 100 ** kinds.count("%")
    point = kinds.index(".") if "." in kinds else len(kinds)
    places = [place for place, kind in enumerate(kinds) if kind in ("0", "#", "?")]
    number /= 1000 ** kinds[places[-1] :].count(",")
    decimals = [kind for kind in kinds[point:] if kind in ("0", "#", "?")]
    number = number.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    whole, _, rest = f"{number:f}".partition(".")
    while rest and decimals[len(rest) - 1] != "0" and rest.endswith("0"):
        rest = rest[:-1]
    return sign + digits_in_place(
        whole, rest, pieces[:point], pieces[point:], grouped="," in kinds[:point][: places[-1]]
    )


def digits_in_place(whole: str, rest: str, before: list[Piece], behind: list[Piece], *, grouped: bool) -> str:
    """Digits where a format has room for them, texts where it has texts: `000-00` makes 12345 into 123-45."""
    places = [piece.kind for piece in before if piece.kind in ("0", "#", "?")]
    digits = "" if whole == "0" and places and "0" not in places else whole
    digits = digits.zfill(places.count("0"))
    if grouped:
        digits = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", digits)
        places = places[:1]
    line: list[str] = []
    for piece in reversed(before):
        if piece.kind in ("0", "#", "?"):
            if not places:
                continue
            places.pop()
            cut = len(digits) - 1 if places else 0
            line.append(digits[max(cut, 0) :])
            digits = digits[: max(cut, 0)]
        else:
            line.append(piece.text if piece.kind == "text" else "%" if piece.kind == "%" else "")
    for piece in behind:
        if piece.kind == ".":
            line.insert(0, f".{rest}" if rest else "")
        elif piece.kind in ("text", "%"):
            line.insert(0, piece.text or "%")
    return "".join(reversed(line))


def scientific(number: Decimal, kinds: list[str]) -> str:
    """A number with a power of ten: 1.23E+4."""
    decimals = kinds[kinds.index(".") :] if "." in kinds else []
    return f"{number:.{sum(kind in ('0', '#', '?') for kind in decimals)}E}"


def ratio(number: Decimal, kinds: list[str]) -> str:
    """A number as a whole and a fraction: 2 1/2."""
    places = max(1, sum(kind in "0#?" for kind in kinds[kinds.index("/") :]))
    whole = int(number)
    part = Fraction(number - whole).limit_denominator(10 ** min(places, 4) - 1)
    if part == 1:
        whole, part = whole + 1, Fraction(0)
    return f"{whole} {part}" if whole and part else str(part or whole)


def elapsed(days: Decimal) -> str:
    """A number of days as hours, minutes and seconds: 36:15:00."""
    seconds = int((abs(days) * 86_400).to_integral_value(ROUND_HALF_UP))
    return f"{'-' if days < 0 else ''}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def moment(days: Decimal, kinds: set[str], *, since_1904: bool) -> str:
    """A day number as a date, with the time if there is one; a time alone when the format has nothing else."""
    whole = int(days)
    if not since_1904 and whole == NO_DAY:
        return "1900-02-29"
    try:
        # Days before the one that never was are one short of where the epoch puts them.
        ahead = not since_1904 and 1 <= whole < NO_DAY
        time = EPOCHS[since_1904] + timedelta(days=int(ahead), seconds=round(float(days) * 86_400))
    except OverflowError:
        return plain(days)
    if days < 0:
        return plain(days)
    if whole == 0 or (not kinds & {"d", "y"} and kinds & {"h", "s"}):
        return time.time().isoformat()
    return time.date().isoformat() if days == whole else time.isoformat(" ")
