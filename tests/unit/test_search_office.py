"""Word and PowerPoint files as a person reads them: each character that a writer may put aside, each part of a file."""

from __future__ import annotations

import pytest

from shared.search.parsing.chunking import Strategy
from shared.search.parsing.parser import parse
from tests.fakes import documents, office
from tests.fakes.office import docx, formula, math, pptx, run, slide
from tests.unit.test_search_parsing import read, refused


async def omitted(filename: str, data: bytes) -> list[str]:
    return (await parse(filename, documents.pieces(data), Strategy())).omitted


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<w:r><w:t>555</w:t><w:noBreakHyphen/><w:t>0199</w:t></w:r>", "555-0199"),
        (run("555\u20110199"), "555-0199"),
        ("<w:r><w:t>co</w:t><w:softHyphen/><w:t>op</w:t></w:r>" + run("era\u00adtive"), "cooperative"),
        ('<w:r><w:t>above </w:t><w:sym w:font="Symbol" w:char="F0B3"/><w:t>5</w:t></w:r>', "above ≥5"),
        (run("a \uf0b3 b", '<w:rFonts w:ascii="Symbol"/>'), "a ≥ b"),
        ('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t> yes</w:t></w:r>', "☑ yes"),
        ('<w:r><w:sym w:font="Webdings" w:char="F041"/><w:t> odd</w:t></w:r>', "□ odd"),
        ('<w:r><w:sym w:font="MS Gothic" w:char="2612"/></w:r>' + run(" yes"), "☒ yes"),
        ("<w:r><w:t>left</w:t><w:ptab/><w:t>right</w:t></w:r>", "left\tright"),
        (run("10") + run("6", '<w:vertAlign w:val="superscript"/>') + run(" cells"), "10^6 cells"),
        (run("the 1") + run("st", '<w:vertAlign w:val="superscript"/>') + run(" of May"), "the 1st of May"),
        (run("H") + run("2", '<w:vertAlign w:val="subscript"/>') + run("O"), "H2O"),
        (
            "<w:r><w:ruby><w:rt><w:r><w:t>とう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東</w:t></w:r></w:rubyBase>"
            "</w:ruby></w:r>",
            "東",
        ),
        (
            f"<w:moveFrom>{run('old place')}</w:moveFrom>{run('kept ')}<w:moveTo>{run('new place')}</w:moveTo>",
            "kept new place",
        ),
        (f"<w:del><w:r><w:delText>no</w:delText><w:noBreakHyphen/></w:r></w:del><w:ins>{run('yes')}</w:ins>", "yes"),
        ('<w:r><w:ffData><w:checkBox><w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:r>', "☒"),
        ('<w:r><w:ffData><w:checkBox><w:default w:val="0"/></w:checkBox></w:ffData></w:r>', "☐"),
    ],
)
async def test_word_characters_that_are_no_text_are_read(inside, text):
    assert await read("a.docx", docx(f"<w:p>{inside}</w:p>")) == text


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (f"<m:f><m:num>{math('1')}</m:num><m:den>{math('2')}</m:den></m:f>", "1/2"),
        (f"<m:f><m:num>{math('a+b')}</m:num><m:den>{math('2')}</m:den></m:f>", "(a+b)/2"),
        (f"<m:sSup><m:e>{math('x')}</m:e><m:sup>{math('2')}</m:sup></m:sSup>{math('=4')}", "x^2=4"),
        (f"<m:sSup><m:e>{math('x')}</m:e><m:sup>{math('n+1')}</m:sup></m:sSup>", "x^(n+1)"),
        (f"<m:sSub><m:e>{math('v')}</m:e><m:sub>{math('0')}</m:sub></m:sSub>", "v_0"),
        (f"<m:rad><m:deg/><m:e>{math('9')}</m:e></m:rad>", "√9"),
        (f"<m:rad><m:deg>{math('3')}</m:deg><m:e>{math('x+1')}</m:e></m:rad>", "∛(x+1)"),
        (
            f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{math("i=1")}</m:sub><m:sup>{math("n")}</m:sup>'
            f"<m:e>{math('i')}</m:e></m:nary>",
            "∑_(i=1)^n i",
        ),
        (f"<m:nary><m:naryPr/><m:sub/><m:sup/><m:e>{math('f dx')}</m:e></m:nary>", "∫ f dx"),
        (f'<m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>{math("0,1")}</m:e></m:d>', "[0,1]"),
        (f"<m:func><m:fName>{math('sin')}</m:fName><m:e>{math('x')}</m:e></m:func>", "sin x"),
        (f"<m:limLow><m:e>{math('lim')}</m:e><m:lim>{math('x→0')}</m:lim></m:limLow>", "lim_(x→0)"),
        (f"<m:acc><m:e>{math('e')}</m:e></m:acc>", "ê"),
        (f"<m:d><m:e><m:m><m:mr><m:e>{math('a')}</m:e><m:e>{math('b')}</m:e></m:mr></m:m></m:e></m:d>", "(a, b)"),
        (math("𝑥+𝟏"), "x+1"),
    ],
)
async def test_formulas_are_read_as_they_are_spoken(body, line):
    assert await read("a.docx", formula(body)) == f"so {line} follows"


async def test_a_document_is_found_by_its_relation_not_by_its_name():
    assert await read("a.docx", docx(f"<w:p>{run('hello')}</w:p>", main="word/document2.xml")) == "hello"


async def test_a_table_in_a_table_leaves_the_outer_row_a_line():
    def cell(*blocks: str) -> str:
        return "<w:tc>" + "".join(blocks) + "</w:tc>"

    def paragraph(text: str) -> str:
        return f"<w:p>{run(text)}</w:p>"

    inner = "".join(f"<w:tr>{cell(paragraph(a))}{cell(paragraph(b))}</w:tr>" for a, b in ("ab", "cd"))
    outer = cell(paragraph("one"), f"<w:tbl>{inner}</w:tbl>", "<w:p/>") + cell(paragraph("two"))
    assert await read("a.docx", docx(f"<w:tbl><w:tr>{outer}</w:tr></w:tbl>")) == "one a b; c d\ttwo"


async def test_a_text_box_stands_behind_its_paragraph():
    box = f"<w:r><w:pict><w:txbxContent><w:p>{run('in the box')}</w:p></w:txbxContent></w:pict></w:r>"
    assert await read("a.docx", docx(f"<w:p>{run('be')}{box}{run('fore')}</w:p>")) == "before\nin the box"


async def test_a_watermark_is_read():
    header = (
        f"<w:hdr {office.W} xmlns:v='v'><w:p><w:r><w:pict><v:textpath string='DRAFT'/></w:pict></w:r></w:p></w:hdr>"
    )
    data = docx(f"<w:p>{run('body')}</w:p>", {"word/header1.xml": header}, b_header="header1.xml")
    assert await read("a.docx", data) == "DRAFT\n\nbody"


async def test_series_of_a_chart_may_have_categories_of_their_own():
    chart = office.chart("Growth", ["1", "2"], "Leeks", ["3", "4"])
    again = chart.partition("<c:ser>")[2].partition("</c:ser>")[0].replace("Leeks", "Potatoes").replace(">2<", ">5<")
    both = chart.replace("</c:ser>", f"</c:ser><c:ser>{again}</c:ser>")
    data = docx("<w:p/>", {"word/charts/chart1.xml": both}, b_chart="charts/chart1.xml")
    assert await read("a.docx", data) == "Growth\n\t1\t2\nLeeks\t3\t4\n\t1\t5\nPotatoes\t3\t4"


async def test_bullets_that_are_boxes_say_whether_a_task_is_done():
    level = '<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:lvlText w:val="☒"/></w:lvl></w:abstractNum>'
    numbering = f'<w:numbering {office.W}>{level}<w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num></w:numbering>'
    listed = '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="3"/></w:numPr></w:pPr>'
    body = f"<w:p>{listed}{run('paid')}</w:p><w:p>{run('late')}</w:p>"
    data = docx(body, {"word/numbering.xml": numbering}, b_numbering="numbering.xml")
    assert await read("a.docx", data) == "☒ paid\nlate"


async def test_charts_smart_art_and_notes_of_a_document_are_read():
    parts = {
        "word/charts/chart1.xml": office.chart("Turnover", ["Winter"], "Leeks", ["0.5"], "0%"),
        "word/diagrams/data1.xml": office.smart_art("plan", "act"),
        "word/notes.xml": f"<w:footnotes {office.W}><w:footnote><w:p>{run('a note')}</w:p></w:footnote></w:footnotes>",
    }
    targets = {"b_chart": "charts/chart1.xml", "c_diagramData": "diagrams/data1.xml", "d_footnotes": "notes.xml"}
    text = await read("a.docx", docx(f"<w:p>{run('body')}</w:p>", parts, **targets))
    assert text == "body\n\nplan\nact\n\nTurnover\n\tWinter\nLeeks\t50%\n\na note"


async def test_the_same_header_of_many_sections_is_read_once():
    header = f"<w:hdr {office.W}><w:p>{run('secret')}</w:p></w:hdr>"
    parts = {"word/header1.xml": header, "word/header2.xml": header}
    data = docx(f"<w:p>{run('body')}</w:p>", parts, b_header="header1.xml", c_header="header2.xml")
    assert await read("a.docx", data) == "secret\n\nbody"


async def test_slides_come_in_the_order_they_are_shown_in_each_with_its_notes():
    number_of_slide = '<a:p><a:fld type="slidenum"><a:t>7</a:t></a:fld></a:p>'
    notes = f"<p:notes {{}} {{}}><a:p><a:r><a:t>say {{}}</a:t></a:r></a:p>{number_of_slide}</p:notes>"
    parts = {}
    for number in (1, 2):
        parts[f"ppt/notesSlides/notesSlide{3 - number}.xml"] = notes.format(office.P, office.A, number)
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = office.relations(
            a_notesSlide=f"../notesSlides/notesSlide{3 - number}.xml"
        )
    text = await read("a.pptx", pptx([2, 1], {1: slide("one"), 2: slide("two")}, parts))
    assert text == "two\n\nsay 2\n\none\n\nsay 1"


async def test_charts_smart_art_and_comments_of_a_slide_follow_it():
    parts = {
        "ppt/slides/_rels/slide1.xml.rels": office.relations(
            a_chart="../charts/chart9.xml", b_diagramData="../diagrams/data9.xml", c_comments="../comments/comment1.xml"
        ),
        "ppt/charts/chart9.xml": office.chart("Turnover", ["North", "South"], "2024", ["1", "2"]),
        "ppt/diagrams/data9.xml": office.smart_art("cycle"),
        "ppt/comments/comment1.xml": f"<p:cmLst {office.P}><p:cm><p:text>too long</p:text></p:cm></p:cmLst>",
    }
    text = await read("a.pptx", pptx([1, 2], {1: slide("one"), 2: slide("two")}, parts))
    assert text == "one\n\ncycle\n\nTurnover\n\tNorth\tSouth\n2024\t1\t2\n\ntoo long\n\ntwo"


async def test_what_a_layout_shows_is_read_but_not_its_prompts():
    prompt = '<p:sp><p:nvPr><p:ph type="title"/></p:nvPr><a:p><a:r><a:t>Click to edit</a:t></a:r></a:p></p:sp>'
    parts = {
        "ppt/slides/_rels/slide1.xml.rels": office.relations(a_slideLayout="../slideLayouts/slideLayout1.xml"),
        "ppt/slideLayouts/slideLayout1.xml": slide("Confidential", more=prompt),
    }
    assert await read("a.pptx", pptx([1], {1: slide("one")}, parts)) == "Confidential\n\none"


async def test_raised_digits_of_a_slide_are_powers():
    runs = '<a:r><a:rPr/><a:t>10</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>6</a:t></a:r>'
    assert await read("a.pptx", pptx([1], {1: slide("x", more=f"<a:p>{runs}</a:p>")})) == "x\n10^6"


async def test_a_broken_chart_is_left_out_and_said():
    parts = {"word/charts/chart1.xml": "<c:chartSpace"}
    data = docx(f"<w:p>{run('body')}</w:p>", parts, b_chart="charts/chart1.xml")
    assert await read("a.docx", data) == "body"
    assert await omitted("a.docx", data) == ["word/charts/chart1.xml is broken"]


async def test_a_file_inside_a_document_is_said_to_be_unread():
    data = docx(f"<w:p>{run('body')}</w:p>", {"word/embeddings/book.xlsx": b"PK"}, b_package="embeddings/book.xlsx")
    assert await omitted("a.docx", data) == ["the file book.xlsx inside it was not read"]


async def test_entities_are_refused_in_every_part():
    chart = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><c>&x;</c>'
    data = docx(f"<w:p>{run('body')}</w:p>", {"word/charts/chart1.xml": chart}, b_chart="charts/chart1.xml")
    assert "document type" in (await refused("a.docx", data)).message


async def test_parts_that_refer_to_one_another_come_to_an_end():
    parts = {
        "word/drawing1.xml": office.shapes("box"),
        "word/_rels/drawing1.xml.rels": office.relations(a_drawing="drawing1.xml"),
    }
    assert await read("a.docx", docx(f"<w:p>{run('body')}</w:p>", parts, b_drawing="drawing1.xml")) == "body\n\nbox"
