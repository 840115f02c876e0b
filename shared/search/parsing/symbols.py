"""Characters of fonts that draw signs where others have letters, as Unicode."""

from __future__ import annotations

from typing import Final

#: What stands for a sign that is not known here.
UNKNOWN: Final = "□"
#: Where Word keeps the codes of such fonts.
PRIVATE: Final = range(0xF020, 0xF100)

_SYMBOL_LOW: Final = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
_SYMBOL_HIGH: Final = (
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪□〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
)
#: The signs that are used in text; the rest are ornaments.
_WINGDINGS: Final = "20282A363F4145464A4B4C526C6D6E6F717274757677789E9FA1A7A8D8DFE0E1E2E8EFF0F3FBFCFDFE"
#: By lower-case font name: byte to character.
FONTS: Final[dict[str, dict[int, str]]] = {
    "symbol": {**dict(enumerate(_SYMBOL_LOW, 0x20)), **dict(enumerate(_SYMBOL_HIGH, 0xA0))},
    "wingdings": dict(zip(bytes.fromhex(_WINGDINGS), " ☎✉⌛✍✌☜☞☺😐☹☼●❍■□❑❒⧫◆❖⬥☒·•○▪☐➢←→↑↓➔⇦⇨⬄✗✓☒☑", strict=True)),
    "wingdings 2": dict(zip(bytes.fromhex("204F5051525354A3"), " ✗✓☒☑☒☒☐", strict=True)),
}


def symbol(font: str, code: str) -> str:
    """The character with a hexadecimal code in a font."""
    try:
        number = int(code, 16)
        return translated(font, chr(number)) if number in PRIVATE or number >= 0x100 else sign(font, number)
    except ValueError:
        return UNKNOWN


def translated(font: str, text: str) -> str:
    """A run's text; what lies in the private area is a sign of the run's font."""
    if text.isascii():
        return text
    return "".join(sign(font, ord(letter) - 0xF000) if ord(letter) in PRIVATE else letter for letter in text)


def sign(font: str, byte: int) -> str:
    """A font's sign; the bullets of lists without a font are those of Symbol."""
    return FONTS.get(font.lower(), {}).get(byte, UNKNOWN)
