"""Chunks of tables: rows far from their header are told it again, and nothing is lost or told twice by it."""

from __future__ import annotations

import time

import pytest

from shared.search.base import Chunk
from shared.search.parsing.chunking import Strategy, chunk, pieces
from shared.search.parsing.parser import parse
from shared.search.parsing.tables import Text, joined, markdown_tables, tabbed_tables
from tests.fakes import documents, office

ROWS = [["Serial", "Bearing temperature"], *([f"R{number}", str(number % 9)] for number in range(400))]


async def chunks(filename: str, data: bytes, strategy: Strategy) -> list[Chunk]:
    return (await parse(filename, documents.pieces(data), strategy)).chunks


def sheet() -> bytes:
    cells = ["".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in row) for row in ROWS]
    return office.xlsx("".join(f"<row>{row}</row>" for row in cells))


def page() -> bytes:
    cells = ["".join(f"<w:tc><w:p>{office.run(text)}</w:p></w:tc>" for text in row) for row in ROWS]
    table = f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"
    return office.docx(f"<w:p>{office.run('before')}</w:p>{table}<w:p>{office.run('after')}</w:p>")


def markdown() -> bytes:
    lines = [f"| {' | '.join(row)} |" for row in ROWS]
    return "\n".join(["before", "", lines[0], "|---|---|", *lines[1:], "", "after"]).encode()


def web_page() -> bytes:
    rows = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in ROWS)
    return f"<p>before</p><table>{rows}</table><p>after</p>".encode()


@pytest.mark.parametrize(("size", "overlap"), [(800, 400), (100, 0), (100, 50)])
@pytest.mark.parametrize(
    ("filename", "data", "head"),
    [
        ("a.xlsx", sheet(), "Ledger\nSerial\tBearing temperature\n"),
        ("a.docx", page(), "Serial\tBearing temperature\n"),
        ("a.html", web_page(), "Serial\tBearing temperature\n"),
        ("a.md", markdown(), "| Serial | Bearing temperature |\n|---|---|\n"),
    ],
)
async def test_every_chunk_of_a_table_begins_with_its_header(filename, data, head, size, overlap):
    found = await chunks(filename, data, Strategy(size, overlap))
    rows = [piece for piece in found if "R200" in piece.text or "R399" in piece.text]
    assert rows
    assert all(piece.text.startswith(head) for piece in rows)
    assert all(sum(cost for _, cost in pieces(piece.text)) <= size for piece in found)


async def test_chunks_without_what_they_repeat_are_the_file():
    whole = "".join(piece.text for piece in await chunks("a.docx", page(), Strategy(4096, 0)))
    for strategy in (Strategy(100, 50), Strategy(100, 0), Strategy(800, 400)):
        found = await chunks("a.docx", page(), strategy)
        assert "".join(piece.text[piece.overlap :] for piece in found) == whole
    assert whole.startswith("before\nSerial\t")
    assert whole.endswith("R399\t3\nafter")


async def test_a_chunk_of_a_table_begins_with_a_whole_row():
    for piece in (await chunks("a.xlsx", sheet(), Strategy(100, 50)))[1:]:
        assert piece.text.splitlines()[2].startswith("R")


async def test_a_title_above_the_columns_is_not_their_header():
    rows = '<row><c t="inlineStr"><is><t>Inventory of 2025</t></is></c></row>'
    rows += '<row><c t="inlineStr"><is><t>Part</t></is></c><c t="inlineStr"><is><t>Count</t></is></c></row>'
    rows += "<row><c><v>4711</v></c><c><v>3</v></c></row>" * 200
    last = (await chunks("a.xlsx", office.xlsx(rows), Strategy(100, 0)))[-1]
    assert last.text.startswith("Ledger\nPart\tCount\n4711")


def test_a_header_longer_than_a_quarter_of_the_chunk_is_cut():
    head = "\t".join(f"column {number}" for number in range(500))
    text = head + "\n" + "\n".join(f"row {number}" for number in range(500))
    table = office_table(head, text)
    found = [*chunk(text, Strategy(100, 0), (table,))]
    assert all(sum(cost for _, cost in pieces(piece.text)) <= 100 for piece in found)
    assert found[-1].text.startswith("column 0\tcolumn 1")
    assert "".join(piece.text[piece.overlap :] for piece in found) == text


def office_table(head: str, text: str):
    from shared.search.parsing.tables import Table

    return Table(len(head) + 1, len(text), head)


@pytest.mark.parametrize("text", ["a | b\nno rule below | x\n", "a\n---\nb\n", "```\n|a|\n```\n"])
def test_bars_alone_make_no_markdown_table(text):
    assert [*markdown_tables(text)] == []


def test_tables_move_along_when_pages_are_joined():
    first = Text("  intro ")
    second = Text("\nh\nrow", (office_table("h", "h\nrow"),))
    whole = joined([first, Text(" "), second])
    assert whole.text == "intro\n\nh\nrow"


def test_a_line_of_very_many_cells_is_read_in_one_go() -> None:
    began = time.process_time()
    assert [*tabbed_tables("\t" * 16_000 + "\nno table\n")] == []
    assert time.process_time() - began < 0.5
