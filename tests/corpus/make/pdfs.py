"""PDFs and web pages by ReportLab, fpdf2, PyMuPDF, matplotlib, WeasyPrint, Typst and Python-Markdown."""

from __future__ import annotations

import io
from html import escape
from typing import Any

import fitz
import fpdf
import markdown
import typst
import weasyprint
from matplotlib import pyplot
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table
from writing import TEXTS as T
from writing import save

DEJAVU = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
KEYS = ("title", "intro", "heading", "harvest", "items", "table", "quote")
EVERYTHING = [T[key] for key in KEYS]
LANGUAGES = [T[key] for key in ("german", "french", "polish", "czech", "russian", "greek", "turkish")]


def page(*blocks: str, lang: str = "en", style: str = "") -> str:
    """A web page."""
    head = f"<meta charset=utf-8><title>{escape(T['title'])}</title><style>{style}</style>"
    return f"<!doctype html><html lang={lang}><head>{head}</head><body>{''.join(blocks)}</body></html>"


def report_html() -> str:
    """The report's body as a page of HTML."""
    items = "".join(f"<li>{escape(item)}" for item in T["items"])
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in T["table"])
    return page(
        f"<h1>{T['title']}</h1><p>{T['intro']}</p><h2>{T['heading']}</h2><p>{T['harvest']}</p>",
        f"<ul>{items}</ul><table>{rows}</table><blockquote>{T['quote']}</blockquote>",
    )


def reportlab_report() -> None:
    """Paragraphs, a table."""
    buffer, styles = io.BytesIO(), getSampleStyleSheet()
    story: list[Any] = [Paragraph(T["title"], styles["Title"])]
    story += [Paragraph(escape(T[key]), styles["BodyText"]) for key in ("intro", "heading", "harvest", "quote")]
    story += [Paragraph(escape(item), styles["Bullet"], bulletText="•") for item in T["items"]]
    SimpleDocTemplate(buffer).build([*story, Table(T["table"])])
    save("reportlab-report.pdf", buffer.getvalue(), *EVERYTHING)


def reportlab_form() -> None:
    """A form that is filled in."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, A4)
    form = canvas.acroForm
    for row, (name, value) in enumerate((("City", "Basel"), ("Street", "Rheingasse"), ("Remarks", "Ring twice"))):
        canvas.drawString(50, 700 - 40 * row, f"{name}:")
        form.textfield(name=name.lower(), value=value, x=120, y=690 - 40 * row, width=200)
    canvas.save()
    save("reportlab-form.pdf", buffer.getvalue(), "City Street Remarks Basel Rheingasse Ring twice")


def reportlab_languages() -> None:
    """Letters of a font that is embedded."""
    pdfmetrics.registerFont(TTFont("DejaVu", DEJAVU))
    buffer, style = io.BytesIO(), getSampleStyleSheet()["BodyText"]
    style.fontName = "DejaVu"
    SimpleDocTemplate(buffer).build([Paragraph(text, style) for text in LANGUAGES])
    save("reportlab-languages.pdf", buffer.getvalue(), *LANGUAGES)


def fpdf_report() -> None:
    """fpdf2 with an embedded font."""
    document = fpdf.FPDF()
    document.add_font("DejaVu", fname=DEJAVU)
    document.add_page()
    document.set_font("DejaVu", size=11)
    for text in (T["title"], T["intro"], T["compound"], T["long"], T["russian"]):
        document.multi_cell(0, text=text, new_x="LMARGIN", new_y="NEXT")
    with document.table(first_row_as_headings=False) as table:
        for row in T["table"]:
            table.row(row)
    given = (T["title"], T["intro"], T["compound"], T["long"], T["russian"], T["table"])
    save("fpdf2-report.pdf", bytes(document.output()), *given)


def mupdf_notes() -> None:
    """Text typed onto a page, a sticky note, a filled field."""
    document = fitz.open()
    sheet = document.new_page()
    sheet.insert_textbox(fitz.Rect(50, 50, 550, 150), T["harvest"])
    sheet.add_freetext_annot(fitz.Rect(50, 200, 500, 240), T["note"])
    sheet.add_text_annot((300, 300), T["comment"])
    field = fitz.Widget()
    field.field_type, field.field_name, field.field_value = fitz.PDF_WIDGET_TYPE_TEXT, "Beekeeper", "Archibald"
    field.rect = fitz.Rect(50, 260, 300, 280)
    sheet.add_widget(field)
    save("mupdf-notes.pdf", document.tobytes(), T["harvest"], T["note"], T["comment"], "Archibald")


def matplotlib_figure() -> None:
    """The labels of a figure."""
    figure, axes = pyplot.subplots(figsize=(5, 3))
    for name, values in T["chart"]["series"]:
        axes.plot(T["chart"]["categories"], values, label=name)
    axes.set_title(T["chart"]["title"])
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf")
    names = [name for name, _ in T["chart"]["series"]]
    save("matplotlib-figure.pdf", buffer.getvalue(), T["chart"]["title"], T["chart"]["categories"], names)


def weasyprints() -> None:
    """The report; hyphenated German; two columns; Arabic and Hebrew."""

    def made(name: str, html: str, *given: Any) -> None:
        save(name, weasyprint.HTML(string=html).write_pdf(), *given)

    made("weasyprint-report.pdf", report_html(), *EVERYTHING)
    narrow = "@page{size:60mm 160mm;margin:5mm} p{hyphens:auto;text-align:justify}"
    made("weasyprint-german.pdf", page(f"<p>{T['german']}", lang="de", style=narrow), T["german"])
    texts = (T["long"], T["compound"], T["intro"])
    columns = page("<div>", *(f"<p>{text}" for text in texts), "</div>", style=narrow + "div{columns:1}")
    made("weasyprint-narrow.pdf", columns, *texts)
    right = page(f"<p dir=rtl>{T['arabic']}<p dir=rtl>{T['hebrew']}", style="*{font-family:'DejaVu Sans'}")
    made("weasyprint-arabic.pdf", right, T["arabic"], T["hebrew"])


def typsts() -> None:
    """A report with a note, hyphenated text, formulas."""

    def made(name: str, source: str, *given: Any) -> None:
        save(name, typst.compile(source.encode()), *given)

    cells = "".join(f"[{cell}]," for row in T["table"] for cell in row)
    items = "".join(f"- {item}\n" for item in T["items"])
    body = f"= {T['title']}\n{T['intro']}#footnote[{T['note']}]\n\n{items}\n#table(columns: 3, {cells})\n"
    header = f"#set page(header: [{T['header']}], footer: [{T['footer']}])\n"
    given = (T["title"], T["intro"].replace("elsewhere.", "elsewhere"), T["note"], T["items"], T["table"])
    made("typst-report.pdf", header + body, *given, T["header"], T["footer"])
    narrow = "#set page(width: 6cm, height: auto, margin: 5mm)\n#set par(justify: true)\n"
    made("typst-narrow.pdf", narrow + T["long"] + "\n\n" + T["compound"], T["long"], T["compound"])
    german = narrow + '#set text(lang: "de", hyphenate: true)\n' + T["german"]
    made("typst-german.pdf", german, T["german"])
    maths = "Let $alpha + beta$ be given; then $integral x dif x$ follows from the lemma."
    made("typst-maths.pdf", maths, "Let α + β be given then follows from the lemma")


def pages() -> None:
    """HTML by Python-Markdown, and by hand as WeasyPrint was given it."""
    rows = ["|".join(row) for row in T["table"]]
    source = "\n\n".join(
        [
            f"# {T['title']}",
            T["intro"],
            "\n".join(f"* {item}" for item in T["items"]),
            "\n".join([rows[0], "---|---|---", *rows[1:]]),
            f"> {T['quote']}",
            T["compound"],
        ]
    )
    given = (T["title"], T["intro"], T["items"], T["table"], T["quote"], T["compound"])
    save("hand-report.md", source.encode(), *given)
    html = markdown.markdown(source, extensions=["tables", "footnotes"])
    save("python-markdown-report.html", html.encode(), *given)
    save("hand-report.html", report_html().encode(), *EVERYTHING)


for make in (reportlab_report, reportlab_form, reportlab_languages, fpdf_report, mupdf_notes, matplotlib_figure):
    make()
for make in (weasyprints, typsts, pages):
    make()
