"""PDF pages as people see them: fields and notes in their places, whole words, letters that can be searched for."""

from __future__ import annotations

import pytest

from shared.search.parsing.hyphens import whole_words
from shared.search.parsing.pdf import pages, spans
from tests.fakes import documents

FORM = """BT /F1 12 Tf 50 700 Td (Application form) Tj 0 -40 Td (City:) Tj 200 0 Td (Street:) Tj -200 -40 Td
(Member:) Tj 0 -40 Td (Remarks) Tj 0 -80 Td (I agree) Tj ET"""
#: What TeX's first fonts have where others have control characters.
OT1 = "16 /dotlessi 18 /grave /acute /caron /breve 24 /cedilla 127 /dieresis 138 /Lslash"


def text(data: bytes, tmp_path) -> str:
    path = tmp_path / "a.pdf"
    path.write_bytes(data)
    return "\n\n".join(page.text for page in pages(str(path)))


def field(name: str, rect: str, value: str) -> str:
    return f"/Subtype /Widget /FT /Tx /T ({name}) /V ({value}) /Rect [{rect}] /F 4"


def box(name: str, rect: str, state: str) -> str:
    return (
        f"/Subtype /Widget /FT /Btn /T ({name}) /V /{state} /AS /{state} /Rect [{rect}] /F 4"
        " /AP << /N << /Yes null /Off null >> >>"
    )


def test_what_was_filled_in_stands_behind_its_label(tmp_path):
    form = documents.drawn_pdf(
        FORM,
        field("city", "80 655 200 675", "Basel"),
        field("street", "290 655 400 675", "Rheinweg 4"),
        field("empty", "450 655 500 675", ""),
        box("member", "100 617 112 629", "Yes"),
        field("remarks", "50 540 400 575", "Needs a ramp"),
        box("agree", "30 498 42 510", "Off"),
        field("elsewhere", "300 100 400 120", "Quillfeather"),
    )
    assert text(form, tmp_path).split("\n") == [
        "Application form",
        "City: Basel Street: Rheinweg 4",
        "Member: ☒",
        "Remarks Needs a ramp",
        "☐ I agree",
        "elsewhere: Quillfeather",
    ]


def test_a_label_that_reaches_into_its_field_stays_whole(tmp_path):
    form = documents.drawn_pdf(
        "BT /F1 12 Tf 50 702 Td (Keeper: yes) Tj ET", field("keeper", "50 690 250 706", "Archibald")
    )
    assert text(form, tmp_path) in ("Keeper: Archibald yes", "Keeper: yes Archibald")


def test_notes_are_read_where_they_were_typed_and_comments_behind_the_page(tmp_path):
    page = documents.drawn_pdf(
        FORM,
        "/Subtype /FreeText /Contents (Basel) /Rect [80 655 200 675] /F 4",
        "/Subtype /Text /Contents (Please check) /Rect [500 700 520 720] /F 4",
        "/Subtype /Text /Contents (Never shown) /Rect [500 700 520 720] /F 2",
    )
    read = text(page, tmp_path)
    assert "City: Basel Street:" in read
    assert read.endswith("I agree\nPlease check")


def test_accents_drawn_over_letters_belong_to_them(tmp_path):
    content = (
        r"BT /F1 12 Tf 72 700 Td [(Z\177)333(urich)-400(na\177)305(\020ve)-400(caf\023)444(e)-400(\212\023)444(od\023)"
        r"400(z)-300(gar\030)430(con)-300(\022)430(a)] TJ ET"
    )
    assert text(documents.drawn_pdf(content, encoding=OT1), tmp_path) == "Zürich naïve café Łódź garçon à"


def test_an_accent_before_a_letter_stays_a_sign(tmp_path):
    assert text(documents.drawn_pdf("BT /F1 12 Tf 72 700 Td (run `env`) Tj ET"), tmp_path) == "run `env`"


def test_shapes_of_letters_become_letters(tmp_path):
    shapes = {"A": "FEE3", "B": "FEAE", "C": "FEA3", "D": "FE92", "E": "FE8E", "F": "FB03", "G": "D835DC65"}
    leftward = "".join(f"1 0 0 1 {200 - 7 * place} 700 Tm ({letter}) Tj\n" for place, letter in enumerate("ABCDE"))
    page = documents.pdf(["x"], stream=f"BT /F1 11 Tf {leftward} 1 0 0 1 50 600 Tm (oFce G) Tj ET".encode(), **shapes)
    # The content is not compressed.
    assert text(page.replace(b" /Filter /FlateDecode", b""), tmp_path) == "مرحبا\noffice x"


def test_arabic_in_the_order_of_the_page_is_turned(tmp_path):
    shapes = {"A": "FEE3", "B": "FEAE", "C": "FEA3", "D": "FE92", "E": "FE8E"}
    rightward = "".join(f"1 0 0 1 {100 + 7 * place} 700 Tm ({letter}) Tj\n" for place, letter in enumerate("EDCBA"))
    page = documents.pdf(["x"], stream=f"BT /F1 11 Tf {rightward} ET".encode(), **shapes)
    assert text(page.replace(b" /Filter /FlateDecode", b""), tmp_path) == "مرحبا"


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("The organisa-\ntion of", "The organisation of"),
        ("infor\ufffemation", "information"),
        ("Donau\u00ad\ndampf\u00ad\nschiff", "Donaudampfschiff"),
        ("Krankenversi\u2010\ncherung", "Krankenversicherung"),
        ("Nord\u2010\nSüd", "Nord-Süd"),
        ("state-of-\nthe-art", "state-of-the-art"),
        ("state-of-the\ufffeart", "state-of-the-art"),
        ("part X-\nray", "part X-ray"),
        ("2023-\n2024", "2023-2024"),
        ("A-\nB and 1-\n2", "A-B and 1-2"),
        ("self-\ncontained", "self-contained"),
        ("n-\ntridecanal", "n-tridecanal"),
        ("a two-level and a two-\nlevel house", "a two-level and a two-level house"),
        ("a highway and a high-\nway", "a highway and a highway"),
        ("one -\ntwo", "one -\ntwo"),
    ],
)
def test_a_breaks_hyphen_goes_and_a_compounds_own_stays(broken, whole):
    assert whole_words(broken) == whole


def test_numbers_of_pages_are_told_as_spans():
    assert spans([1, 3, 4, 5, 9]) == "1, 3-5, 9"
