"""Presentations by python-pptx."""

from __future__ import annotations

import io
from typing import Any

import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches
from writing import TEXTS as T
from writing import save

BOX = (Inches(1), Inches(2), Inches(6), Inches(3))


def finish(name: str, deck: Any, *given: Any) -> None:
    """Save it with its words."""
    buffer = io.BytesIO()
    deck.save(buffer)
    save(name, buffer.getvalue(), *given)


def talk(moved: bool) -> None:
    """Titles, bullets and notes; the last slide may have been moved to the front."""
    deck = pptx.Presentation()
    for title, body, note in T["slides"]:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, body
        slide.notes_slide.notes_text_frame.text = note
    if moved:
        ids = deck.slides._sldIdLst
        ids.insert(0, ids[2])
    finish(f"python-pptx-{'moved' if moved else 'talk'}.pptx", deck, T["slides"])


def chart() -> None:
    """A chart with a title, series and categories."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = T["heading"]
    data = CategoryChartData()
    data.categories = T["chart"]["categories"]
    for name, values in T["chart"]["series"]:
        data.add_series(name, values)
    made = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *BOX, data).chart
    made.has_title = True
    made.chart_title.text_frame.text = T["chart"]["title"]
    finish("python-pptx-chart.pptx", deck, T["heading"], T["chart"].values())


def shapes() -> None:
    """A table, a group of text boxes."""
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    rows = T["table"]
    table = slide.shapes.add_table(len(rows), len(rows[0]), *BOX).table
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    group = slide.shapes.add_group_shape()
    for text in T["items"]:
        group.shapes.add_textbox(*BOX).text_frame.text = text
    finish("python-pptx-shapes.pptx", deck, rows, T["items"])


talk(moved=False)
talk(moved=True)
chart()
shapes()
