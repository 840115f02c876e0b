"""Workbooks by openpyxl, XlsxWriter and pandas."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pandas
import xlsxwriter
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from writing import TEXTS as T
from writing import save

FORMATS = [
    ("Number", 123, "00000", "00123"),
    ("Share", 0.255, "0.0%", "25.5%"),
    ("Whole", 0.07, "0%", "7%"),
    ("Price", 1234.5, "#,##0.00", "1,234.50"),
    ("Dollars", 1234.5, '"$"#,##0.00', "$1,234.50"),
    ("Euros", 99.9, '#,##0.00\\ "€"', "99.90"),
    ("Day", date(2024, 3, 3), "yyyy-mm-dd", "2024-03-03"),
    ("Moment", datetime(2024, 3, 4, 12, 30), "dd/mm/yyyy hh:mm", "2024-03-04"),
    ("Clock", time(9, 15), "hh:mm", "09:15:00"),
    ("Hours", timedelta(hours=36), "[h]:mm:ss", "36:00:00"),
    ("Plain", 0.1 + 0.2, "General", "0.3"),
    ("Large", 12345678901, "0", "12345678901"),
    ("Units", 12.5, '0.0" kg"', "12.5"),
]


def saved(name: str, book: openpyxl.Workbook, *given: Any) -> None:
    """Save openpyxl's book with its words."""
    buffer = io.BytesIO()
    book.save(buffer)
    save(name, buffer.getvalue(), *given)


def openpyxl_formats() -> None:
    """Numbers as their formats show them."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Ledger"
    for row, (label, value, shown, _) in enumerate(FORMATS, 1):
        sheet.cell(row, 1, label)
        sheet.cell(row, 2, value).number_format = shown
    saved("openpyxl-formats.xlsx", book, "Ledger", [row[0] for row in FORMATS], [row[3] for row in FORMATS], "€ kg")


def openpyxl_formulas() -> None:
    """Formulas whose values nobody has calculated."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sums"
    for row in (["Item", "Pieces"], ["Apples", 3], ["Pears", 4], ["Total", "=SUM(B2:B3)"]):
        sheet.append(row)
    saved("openpyxl-formulas.xlsx", book, "Sums Item Pieces Apples 3 Pears 4 Total =SUM(B2:B3)")


def openpyxl_extras() -> None:
    """A comment, a chart, a hidden sheet, merged cells, a link, a heading on every printed page."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Crops"
    for row in T["table"]:
        sheet.append(row)
    sheet["A6"] = "Quarterly"
    sheet.merge_cells("A6:C6")
    sheet["B2"].comment = Comment(T["comment"], "Wilhelmina")
    sheet.oddHeader.center.text = T["header"]
    sheet.oddFooter.center.text = T["footer"]
    for name, values in T["chart"]["series"]:
        sheet.append([name, *values])
    chart = BarChart()
    chart.title = T["chart"]["title"]
    chart.add_data(Reference(sheet, min_col=1, max_col=5, min_row=7, max_row=8), from_rows=True, titles_from_data=True)
    sheet.add_chart(chart, "H2")
    hidden = book.create_sheet("Archive")
    hidden.sheet_state = "hidden"
    hidden["A1"] = T["note"]
    title, series = T["chart"]["title"], T["chart"]["series"]
    given = (T["table"], "Crops Quarterly Archive", T["comment"], T["header"], T["footer"], title, series, T["note"])
    saved("openpyxl-extras.xlsx", book, *given)


def openpyxl_1900() -> None:
    """Dates around the day that never was."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Early"
    for day in (date(1900, 1, 1), date(1900, 2, 28), date(1900, 3, 1), date(2026, 11, 28)):
        sheet.append([day])
    saved("openpyxl-1900.xlsx", book, "Early 1900-01-01 1900-02-28 1900-03-01 2026-11-28")


def xlsxwriter_book(name: str, fill: Any, *given: Any) -> None:
    """A book by XlsxWriter with its words."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        fill(book)
    save(name, buffer.getvalue(), *given)


def xlsxwriter_formats() -> None:
    """The same formats by another writer, with formulas whose values are known."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet("Ledger")
        for row, (label, value, shown, _) in enumerate(FORMATS):
            sheet.write(row, 0, label)
            sheet.write(row, 1, value, book.add_format({"num_format": shown}))
        sheet.write_formula(20, 0, '=UPPER("sum")', None, "SUM")
        sheet.write_formula(20, 1, "=1/8", book.add_format({"num_format": "0.0%"}), 0.125)
        sheet.write_boolean(21, 0, True)

    given = ("Ledger", [row[0] for row in FORMATS], [row[3] for row in FORMATS], "€ kg SUM 12.5% TRUE")
    xlsxwriter_book("xlsxwriter-formats.xlsx", fill, *given)


def xlsxwriter_extras() -> None:
    """A text box, a note, a chart with titles, a rich string, a table."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet("Turnover")
        sheet.write_row(0, 1, T["chart"]["categories"])
        for row, (name, values) in enumerate(T["chart"]["series"], 1):
            sheet.write_row(row, 0, [name, *values])
        chart = book.add_chart({"type": "column"})
        for row in (1, 2):
            chart.add_series(
                {
                    "name": ["Turnover", row, 0],
                    "categories": ["Turnover", 0, 1, 0, 4],
                    "values": ["Turnover", row, 1, row, 4],
                }
            )
        chart.set_title({"name": T["chart"]["title"]})
        chart.set_x_axis({"name": "Season of sowing"})
        sheet.insert_chart("A10", chart)
        sheet.insert_textbox("H10", T["quote"])
        sheet.write_comment("B2", T["comment"])
        sheet.write_rich_string("A5", "half ", book.add_format({"bold": True}), "bold", " text")
        sheet.add_table("H1:I3", {"data": T["inner"][1:], "columns": [{"header": text} for text in T["inner"][0]]})
        sheet.set_header("&C" + T["header"])

    given = (T["chart"].values(), "Turnover Season of sowing half bold text", T["quote"], T["comment"], T["inner"])
    xlsxwriter_book("xlsxwriter-extras.xlsx", fill, *given, T["header"])


def xlsxwriter_escapes() -> None:
    """Line ends and underscores that look like escapes."""

    def fill(book: Any) -> None:
        sheet = book.add_worksheet("Lines")
        sheet.write(0, 0, "first\r\nsecond\r\nthird")
        sheet.write(1, 0, "Order_x0020_Date")
        sheet.write(2, 0, "tab\there")

    xlsxwriter_book("xlsxwriter-escapes.xlsx", fill, "Lines first second third Order_x0020_Date tab here")


def xlsxwriter_long() -> None:
    """A sheet of many rows."""
    rows = [["Serial", "Bearing", "Vibration"], *([f"R{number}", number % 9, number % 23] for number in range(300))]

    def fill(book: Any) -> None:
        sheet = book.add_worksheet("Turbines")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)

    xlsxwriter_book("xlsxwriter-long.xlsx", fill, "Turbines", rows)


def by_pandas() -> None:
    """A frame with an index of dates."""
    buffer = io.BytesIO()
    index = pandas.date_range("2025-01-30", periods=3, name="Day")
    frame = pandas.DataFrame({"Sold": [5, 7, 11], "Weather": ["rain", "sleet", "fog"]}, index=index)
    frame.to_excel(buffer, sheet_name="Market")
    save("pandas-frame.xlsx", buffer.getvalue(), "Market Day Sold Weather 5 7 11 rain sleet fog 2025-01-30 2025-01-31")


for make in (openpyxl_formats, openpyxl_formulas, openpyxl_extras, openpyxl_1900, xlsxwriter_formats):
    make()
for make in (xlsxwriter_extras, xlsxwriter_escapes, xlsxwriter_long, by_pandas):
    make()
