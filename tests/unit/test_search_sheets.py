"""Workbooks as a person sees them: shown values, and all that lies on a sheet."""

from __future__ import annotations

import pytest

from shared.search.parsing.number_formats import BUILT_IN, shown
from tests.fakes import documents, office
from tests.fakes.office import xlsx
from tests.unit.test_search_parsing import read, refused


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("123", "00000", "00123"),
        ("0.255", "0.0%", "25.5%"),
        ("0.07", "0%", "7%"),
        ("-0.005", "0.0%", "-0.5%"),
        ("1234.5", "#,##0.00", "1,234.50"),
        ("1234567.891", "#,##0", "1,234,568"),
        ("0.5", "#.##", ".5"),
        ("3", "0.##", "3"),
        ("2.345", "0.00", "2.35"),
        ("1234.5", '"$"#,##0.00', "$1,234.50"),
        ("-1234.5", '"$"#,##0.00;("$"#,##0.00)', "($1,234.50)"),
        ("1234.5", "[$€-407] #,##0.00", "€ 1,234.50"),
        ("99.9", '_-* #,##0.00\\ "€"_-', "99.90 €"),
        ("12.5", '0.0" kg"', "12.5 kg"),
        ("0", '0;-0;"none"', "none"),
        ("5550199", "000\\-0000", "555-0199"),
        ("123456789", "000-00-0000", "123-45-6789"),
        ("1500000", '0.0,,"M"', "1.5M"),
        ("12345", "0.00E+00", "1.23E+4"),
        ("2.5", "# ?/?", "2 1/2"),
        ("0.30000000000000004", "General", "0.3"),
        ("12345678901", "General", "12345678901"),
        ("1E-05", "General", "0.00001"),
        ("7", 'General" pcs"', "7 pcs"),
        ("36.5", "@", "36.5"),
        ("1.09375", "[h]:mm:ss", "26:15:00"),
        ("0.0625", "[mm]:ss", "1:30:00"),
        ("0.385416666666667", "h:mm", "09:15:00"),
        ("45355.5", "dd/mm/yyyy hh:mm", "2024-03-04 12:00:00"),
        ("45355", "[$-409]d. mmmm yyyy", "2024-03-04"),
        ("1", "yyyy-mm-dd", "1900-01-01"),
        ("59", "yyyy-mm-dd", "1900-02-28"),
        ("60", "yyyy-mm-dd", "1900-02-29"),
        ("61", "yyyy-mm-dd", "1900-03-01"),
        ("-5", "yyyy-mm-dd", "-5"),
        ("1e300", "0.00", "1e300"),
        ("n/a", "0.00", "n/a"),
    ],
)
def test_numbers_are_read_as_they_are_shown(value, code, text):
    assert shown(value, code) == text


def test_formats_that_files_name_by_number_are_known():
    assert [shown("0.5", BUILT_IN[number]) for number in (9, 10, 12, 20)] == ["50%", "50.00%", "1/2", "12:00:00"]


def test_a_workbook_may_count_days_from_1904():
    assert shown("0", "yyyy-mm-dd", since_1904=True) == "00:00:00"
    assert shown("1", "yyyy-mm-dd", since_1904=True) == "1904-01-02"


async def test_cells_show_what_their_formats_say():
    rows = '<row><c s="1"><v>123</v></c><c s="2"><v>0.255</v></c><c><v>7</v></c></row>'
    assert await read("a.xlsx", xlsx(rows, formats="00000|0.0%")) == "Ledger\n00123\t25.5%\t7"


async def test_strings_are_found_whatever_their_part_is_called():
    data = xlsx(
        '<row><c t="s"><v>0</v></c></row>',
        {"xl/SharedStrings.xml": f"<sst {office.S}><si><t>Hello</t></si></sst>"},
    )
    assert await read("a.xlsx", data) == "Ledger\nHello"


async def test_a_workbook_that_has_lost_its_strings_is_invalid():
    failure = await refused("a.xlsx", xlsx('<row><c t="s"><v>0</v></c></row>'))
    assert (failure.code, failure.message) == ("invalid_file", "The workbook has lost the texts of its cells.")


async def test_escaped_characters_are_read():
    strings = "<si><t>one_x000D_\ntwo</t></si><si><t>Order_x005F_x0020_Date</t></si><si><t>_xD83D__xDE00_</t></si>"
    rows = '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c><c t="s"><v>2</v></c></row>'
    rows += '<row><c t="inlineStr"><is><t>a_x0009_b</t></is></c><c t="str"><f>x</f><v>c_x0020_d</v></c></row>'
    data = xlsx(rows, {"xl/sharedStrings.xml": f"<sst {office.S}>{strings}</sst>"})
    assert await read("a.xlsx", data) == "Ledger\none\r\ntwo\tOrder_x0020_Date\t😀\na\tb\tc d"


async def test_a_formula_that_nobody_calculated_is_shown_itself():
    rows = '<row><c><f>SUM(A2:A3)</f><v></v></c><c><f>1+1</f><v>2</v></c><c t="str"><f>""</f><v></v></c></row>'
    assert await read("a.xlsx", xlsx(rows)) == "Ledger\n=SUM(A2:A3)\t2"


async def test_pronunciation_is_left_out_of_cells_too():
    rows = '<row><c t="inlineStr"><is><t>東京</t><rPh sb="0" eb="1"><t>とうきょう</t></rPh></is></c></row>'
    assert await read("a.xlsx", xlsx(rows)) == "Ledger\n東京"


async def test_what_lies_on_a_sheet_is_read_with_it():
    note = '<comment ref="B2"><text><r><t>too</t></r> <r><t xml:space="preserve"> high</t></r></text></comment>'
    stands_in = '<comment ref="C3"><text><t>[Threaded comment] Your version …</t></text></comment>'
    parts = {
        "xl/comments1.xml": f"<comments {office.S}>{note}{stands_in}</comments>",
        "xl/threads.xml": '<ThreadedComments xmlns="x"><threadedComment ref="C3"><text>agreed</text></threadedComment>'
        "</ThreadedComments>",
        "xl/drawings/drawing1.xml": office.shapes("in the box"),
        "xl/drawings/_rels/drawing1.xml.rels": office.relations(a_chart="../charts/chart1.xml"),
        "xl/charts/chart1.xml": office.chart("Turnover", ["Winter"], "Leeks", ["45355"], "yyyy-mm-dd"),
        "xl/charts/chart2.xml": office.chart("Nobody's", [], "", []),
    }
    targets = {"a_comments": "../comments1.xml", "b_threadedComment": "../threads.xml"}
    data = xlsx("<row><c><v>1</v></c></row>", parts, **targets, c_drawing="/xl/drawings/drawing1.xml")
    assert await read("a.xlsx", data) == (
        "Ledger\n1\nB2: too high\nC3: agreed\nin the box\nTurnover\n\tWinter\nLeeks\t2024-03-04\n\nNobody's"
    )


async def test_a_sheet_of_nothing_but_a_chart_is_read():
    sheet = f"<chartsheet {office.S}/>"
    parts = {
        "xl/worksheets/sheet1.xml": sheet,
        "xl/drawings/drawing1.xml": office.shapes(),
        "xl/drawings/_rels/drawing1.xml.rels": office.relations(a_chart="../charts/chart1.xml"),
        "xl/charts/chart1.xml": office.chart("Turnover", ["Winter"], "Leeks", ["5"]),
    }
    data = xlsx("", parts, a_drawing="../drawings/drawing1.xml")
    assert await read("a.xlsx", data) == "Ledger\nTurnover\n\tWinter\nLeeks\t5"


async def test_headers_on_paper_are_read_without_their_codes():
    codes = '&amp;L&amp;"Arial,Bold"Top &amp;&amp; secret&amp;RPage &amp;P'
    header = f"<headerFooter><oddHeader>{codes}</oddHeader></headerFooter>"
    sheet = f"<worksheet {office.S}><sheetData><row><c><v>1</v></c></row></sheetData>{header}</worksheet>"
    assert await read("a.xlsx", xlsx("", {"xl/worksheets/sheet1.xml": sheet})) == "Ledger\n1\nTop & secret"


async def test_raised_digits_of_a_cell_are_powers():
    runs = '<si><r><t>10</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>6</t></r></si>'
    data = xlsx('<row><c t="s"><v>0</v></c></row>', {"xl/sharedStrings.xml": f"<sst {office.S}>{runs}</sst>"})
    assert await read("a.xlsx", data) == "Ledger\n10^6"


async def test_days_in_iso_form_need_no_midnight():
    rows = '<row><c t="d"><v>2025-05-17T00:00:00</v></c><c t="d"><v>2025-05-17T09:30:00</v></c></row>'
    assert await read("a.xlsx", xlsx(rows)) == "Ledger\n2025-05-17\t2025-05-17 09:30:00"


async def test_a_workbook_is_no_word_document():
    assert (await refused("a.docx", xlsx("<row><c><v>1</v></c></row>"))).code == "invalid_file"
    assert (await refused("a.xlsx", documents.docx("x"))).code == "invalid_file"
