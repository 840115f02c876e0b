"""Reading files in the child process: honest ones give their text, hostile ones an error, none hangs."""

from __future__ import annotations

import io
import time as clock
import zlib
from contextlib import suppress
from datetime import date, datetime, time, timedelta

import openpyxl
import psutil
import pytest

from shared.search.parsing.chunking import Strategy
from shared.search.parsing.formats import ParsingFailed
from shared.search.parsing.parser import ReadingInterrupted, parse
from shared.search.parsing.readers import Readers
from tests.fakes import documents

MEGABYTE = 1024 * 1024


async def read(filename: str, data: bytes, seconds: float = 60) -> str:
    parsed = await parse(filename, documents.pieces(data), Strategy(4096, 0), seconds)
    return "".join(chunk.text for chunk in parsed.chunks)


async def refused(filename: str, data: bytes, seconds: float = 60) -> ParsingFailed:
    with pytest.raises(ParsingFailed) as failure:
        await read(filename, data, seconds)
    return failure.value


@pytest.mark.parametrize(
    "data",
    ["Grüße, 東京".encode(), "Grüße, 東京".encode("utf-8-sig"), "Grüße, 東京".encode("utf-16")],
    ids=["utf-8", "utf-8 with mark", "utf-16"],
)
async def test_text_is_read_in_its_encoding(data):
    assert await read("notes.txt", data) == "Grüße, 東京"


async def test_text_that_is_no_utf_8_is_read_as_windows_1252():
    assert await read("notes.MD", "Grüße – naïve".encode("cp1252")) == "Grüße – naïve"


async def test_utf_16_without_a_mark_is_recognised():
    assert (
        await read("a.txt", ("The quick brown fox. " * 9).encode("utf-16-le")) == ("The quick brown fox. " * 9).strip()
    )


async def test_a_stray_zero_byte_does_not_change_the_encoding():
    assert await read("a.log.txt", b"The quick brown fox.\n" * 9 + b"\0" + b"The end.") == (
        "The quick brown fox.\n" * 9 + "The end."
    )


async def test_a_stray_byte_does_not_change_the_encoding():
    text = await read("cut.txt", ("Grüße aus Köln. " * 9).encode() + "ü".encode()[:1])
    assert text == "Grüße aus Köln. " * 9 + "\ufffd"


async def test_word_documents_give_headers_tables_and_notes():
    table = "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>one</w:t></w:r></w:p></w:tc>"
    table += "<w:tc><w:p><w:r><w:t>two</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"
    header = f"<w:hdr {documents.W}><w:p><w:r><w:t>Top secret</w:t></w:r></w:p></w:hdr>"
    notes = f"<w:footnotes {documents.W}>{table}</w:footnotes>"
    text = await read("report.docx", documents.docx("First &amp; last", "Second", header1=header, footnotes=notes))
    assert text == "Top secret\n\nFirst & last\nSecond\n\none\ttwo"


async def test_a_table_row_is_a_line_however_many_paragraphs_its_cells_have():
    paragraph = "<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>"
    cells = "".join(f"<w:tc>{''.join(map(paragraph.format, texts))}</w:tc>" for texts in (["a", "b"], [""], ["c"]))
    notes = f"<w:footnotes {documents.W}><w:tbl><w:tr>{cells}</w:tr><w:tr>{cells}</w:tr></w:tbl></w:footnotes>"
    assert await read("a.docx", documents.docx("Text", footnotes=notes)) == "Text\n\na b\t\tc\na b\t\tc"


async def test_a_fallback_is_not_read_twice():
    alternate = (
        "</w:t></w:r><w:AlternateContent><w:Choice><w:r><w:t>box</w:t></w:r></w:Choice>"
        "<w:Fallback><w:r><w:t>box</w:t></w:r></w:Fallback></w:AlternateContent><w:r><w:t>"
    )
    assert await read("a.docx", documents.docx(alternate)) == "box"


async def test_slides_come_in_their_order():
    slides = [f"Slide {number}" for number in range(1, 12)]
    assert (await read("deck.pptx", documents.pptx(*slides))).split("\n\n") == slides


async def test_sheets_give_a_line_per_row():
    rows = '<row><c t="s"><v>1</v></c><c><v>42</v></c></row><row><c t="inlineStr"><is><t>x</t></is></c></row>'
    assert await read("book.xlsx", documents.xlsx(["no", "total"], rows)) == "total\t42\nx"


async def test_empty_cells_keep_their_columns():
    rows = '<row><c r="B1" t="s"><v>0</v></c><c r="D1"><v>2</v></c></row><row><c r="XFD2"><v>7</v></c></row>'
    text = await read("book.xlsx", documents.xlsx(["one"], rows))
    assert text.startswith("one\t\t2\n\t")
    assert len(text) < 50


async def test_a_cell_of_several_runs_is_one_without_its_pronunciation():
    rows = '<row><c t="s"><v>0</v></c><c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r></is></c></row>'
    strings = ['東</t><rPh sb="0" eb="1"><t>ヒガシ</t></rPh><t>京']
    assert await read("book.xlsx", documents.xlsx(strings, rows)) == "東京\tab"


async def test_workbooks_of_other_programs_give_names_dates_and_truths():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Orders"
    sheet.append(["Ordered", "Shipped", "At", "Took", "Paid", "Share"])
    sheet.append([date(2024, 3, 3), datetime(2024, 3, 4, 12, 30), time(9, 15), timedelta(hours=30), True, 0.25])
    sheet["F2"].number_format = '"days" 0%'
    book.create_sheet("Empty")
    book.create_sheet("Notes", 0)["A1"] = "see below"
    file = io.BytesIO()
    book.save(file)
    assert await read("book.xlsx", file.getvalue()) == (
        "Notes\nsee below\n\n"
        "Orders\nOrdered\tShipped\tAt\tTook\tPaid\tShare\n"
        "2024-03-03\t2024-03-04 12:30:00\t09:15:00\t30:00:00\tTRUE\tdays 25%"
    )


async def test_html_gives_what_a_reader_sees():
    page = "<html><title>T</title><style>p{}</style><script>var x='<p>no</p>'</script><p>One<p>Two &lt; <b>three</b>"
    assert await read("page.html", page.encode()) == "T\nOne\nTwo < three"


async def test_an_html_table_gives_a_line_per_row():
    page = """<table>
      <tr> <th>Product</th>
           <th>Size</th>
           <th>Price</th> </tr>
      <tr> <td><p>Hair <b>dryer</b></p></td>
           <td></td>
           <td>
             9.99
           </td> </tr>
      <tr><td><td>small<br>large<td>7
    </table>"""
    assert await read("page.html", page.encode()) == ("Product\tSize\tPrice\nHair dryer\t\t9.99\n\tsmall large\t7")


async def test_html_lines_are_those_of_the_page_not_of_its_source():
    page = "<nav><a>Home</a><a>Imprint</a></nav><p>One  sentence\n over two\nlines.</p><pre>if x:\n    y()\n</pre> End"
    assert await read("page.htm", page.encode()) == "One sentence over two lines.\nif x:\n    y()\nEnd"


@pytest.mark.parametrize(("charset", "encoding"), [("windows-1251", "cp1251"), ("nonsense", "cp1252")])
async def test_html_is_read_in_the_encoding_it_declares(charset, encoding):
    words = {"cp1251": "Привет", "cp1252": "Grüße"}[encoding]
    page = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}"><p>{words}</p>'
    assert await read("page.html", page.encode(encoding)) == words


async def test_pdf_pages_come_in_their_order():
    text = await read("paper.pdf", documents.pdf(["Page one\nsecond line", "Page two"]))
    assert text.split() == ["Page", "one", "second", "line", "Page", "two"]


async def test_pdf_pages_without_text_are_named():
    data = documents.pdf(["One", "", "Three", documents.LINES, documents.LINES])
    assert await read("paper.pdf", data) == "One\n\nThree\n\n[Pages without readable text, pictures perhaps: 4-5]"
    parsed = await parse("paper.pdf", documents.pieces(data), Strategy())
    assert parsed.omitted == ["pages without readable text, pictures perhaps: 4-5"]


async def test_a_pdf_of_pictures_fails_and_says_why():
    assert "pictures" in (await refused("scan.pdf", documents.pdf([documents.LINES]))).message


async def test_characters_that_are_none_do_not_pass():
    page = documents.pdf(["xAyBzC"], A="D835", B="0000", C="D83DDE00")
    assert await read("paper.pdf", page) == "xyz😀"


async def test_chunks_overlap_as_asked():
    words = " ".join(f"w{number}" for number in range(500))
    chunks = (await parse("a.txt", documents.pieces(words.encode()), Strategy(100, 50))).chunks
    assert len(chunks) > 10
    assert "".join(chunk.text[chunk.overlap :] for chunk in chunks) == words


@pytest.mark.parametrize("filename", ["data.csv", "photo.png", "archive.zip", "README"])
async def test_other_extensions_are_unsupported(filename):
    failure = await refused(filename, b"text")
    assert failure.code == "unsupported_file"
    assert "are not supported for retrieval" in failure.message


@pytest.mark.parametrize(
    ("filename", "data"),
    [
        ("empty.txt", b""),
        ("blank.md", b" \n\t\n "),
        ("fake.pdf", b"hello, I am a text"),
        ("fake.docx", b"hello, I am a text"),
        ("fake.txt", documents.pdf(["x"])),
        ("fake.md", documents.docx("x")),
        ("sheet.docx", documents.xlsx(["a"], "<row><c><v>1</v></c></row>")),
        ("noise.txt", bytes(range(256)) * 40),
        ("cut.pdf", documents.pdf(["x"] * 3)[:200]),
        ("cut.docx", documents.docx("x" * 5000)[:-60]),
        ("broken.docx", documents.docx("</w:t>")),
        ("endless.pdf", documents.endless_pdf()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_broken_and_mislabelled_files_are_invalid(filename, data):
    assert (await refused(filename, data)).code == "invalid_file"


async def test_entities_are_refused_before_they_are_resolved():
    prolog = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    failure = await refused("xxe.docx", documents.docx("&x;", prolog=prolog))
    assert "document type" in failure.message


async def test_broken_compression_is_called_by_its_name():
    damaged = bytearray(documents.docx("hello world " * 3000))
    damaged[60:120] = bytes(60)
    assert "broken" in (await refused("damaged.docx", bytes(damaged))).message


async def test_a_zip_bomb_is_stopped_by_its_budget():
    bomb = documents.archive({"word/document.xml": b"<d>" + b" " * (110 * MEGABYTE) + b"</d>"})
    assert len(bomb) < MEGABYTE
    assert "unpacks" in (await refused("bomb.docx", bomb)).message


async def test_a_pdf_bomb_is_stopped():
    stream = zlib.compress(b"BT (x) Tj ET " * (8 * MEGABYTE), 1)
    assert (await refused("bomb.pdf", documents.pdf(["x"], stream=stream))).code == "invalid_file"


async def test_more_tokens_than_allowed_are_refused():
    assert "tokens" in (await refused("long.txt", "東".encode() * (6 * MEGABYTE))).message


async def test_a_file_that_takes_too_long_is_stopped_and_leaves_no_process():
    others = {*psutil.Process().children()}
    with pytest.raises(ReadingInterrupted):
        await read("long.txt", b"word " * MEGABYTE, seconds=0.3)
    assert {*psutil.Process().children()} <= others


@pytest.mark.parametrize("filename", ["a.html", "a.md", "a.txt"])
async def test_soft_hyphens_are_not_seen(filename):
    assert await read(filename, "Donau\u00addampf\u00adschiff".encode()) == "Donaudampfschiff"
    if filename != "a.txt":
        assert await read(filename, b"Donau&shy;dampf&shy;schiff") == "Donaudampfschiff"


async def test_files_that_end_well_share_a_process_and_owners_do_not():
    readers, others = Readers(), {child.pid for child in psutil.Process().children()}

    async def ask(owner: str, data: bytes) -> set[int]:
        """The processes that are left after a file was read."""
        with suppress(ParsingFailed):
            await parse("a.txt", documents.pieces(data), Strategy(), owner=owner, readers=readers)
        return {child.pid for child in psutil.Process().children()} - others

    first = await ask("ann", b"alpha")
    assert await ask("ann", b"beta") == first
    other = await ask("bob", b"gamma")
    assert len(other) == 1
    assert other != first
    assert await ask("bob", b"") == set(), "what did not end well is thrown away"
    await readers.close()


async def test_a_process_that_died_while_it_waited_is_not_the_next_files_fault():
    readers, others = Readers(), {*psutil.Process().children()}
    await parse("a.txt", documents.pieces(b"alpha"), Strategy(), readers=readers)
    [kept] = {*psutil.Process().children()} - others
    kept.kill()

    parsed = await parse("b.txt", documents.pieces(b"beta"), Strategy(), readers=readers)

    assert [chunk.text for chunk in parsed.chunks] == ["beta"]
    await readers.close()


async def test_many_small_files_take_a_tenth_of_what_a_process_each_takes():
    readers, started = Readers(), clock.perf_counter()
    for number in range(5):
        await parse("a.txt", documents.pieces(b"%d" % number), Strategy())
    each, started = (clock.perf_counter() - started) / 5, clock.perf_counter()
    for number in range(50):
        await parse("a.txt", documents.pieces(b"%d" % number), Strategy(), readers=readers)
    shared = (clock.perf_counter() - started) / 50
    await readers.close()
    assert shared < each / 4, (shared, each)  # a tenth on a quiet machine
