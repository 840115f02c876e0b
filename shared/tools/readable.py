"""Turns a web page into its title and the text somebody would read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from shared.tools.charsets import decoded

#: What surrounds a text without being part of it.
_CLUTTER = (
    "title script style template noscript iframe object svg canvas button select textarea nav header footer aside"
)
_INVISIBLE = "//*[@hidden or contains(translate(@style, ' ', ''), 'display:none')]"
_BLOCKS = "p div section h1 h2 h3 h4 h5 h6 li blockquote pre td th dt dd figcaption caption tr br"
_BREAK = "\u2029"
#: Below this a <main> or <article> is a teaser, and the whole page is read.
_SHORTEST_ARTICLE = 200
#: More is no article but an attempt to fill the memory: a tag takes 500 bytes of it.
_MOST_TAGS = 150_000


@dataclass(frozen=True, slots=True)
class Article:
    """A page's text, one line per paragraph."""

    title: str
    text: str


def read_html(body: bytes, charset: str | None) -> Article:
    """The article in an HTML page; without a charset the page's own declaration counts."""
    # Python's own html.parser takes minutes for a page of a megabyte that was made to hurt it.
    import lxml.etree
    import lxml.html

    if body.count(b"<") > _MOST_TAGS:
        return Article("", "")
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True)
    try:
        page = lxml.html.document_fromstring(decoded(body, charset or _declared(body)).encode(), parser=parser)
    except lxml.etree.LxmlError:
        return Article("", "")
    title = _title(page)
    lxml.etree.strip_elements(page, *_CLUTTER.split(), with_tail=False)
    for element in page.xpath(_INVISIBLE):
        element.drop_tree()
    for element in page.iter(*_BLOCKS.split()):
        element.text = _BREAK + (element.text or "")
        element.tail = _BREAK + (element.tail or "")
    articles = [_text(each) for each in page.xpath("//main | //article")]
    text = max(articles, key=len, default="")
    return Article(title, text if len(text) >= _SHORTEST_ARTICLE else _text(page))


def read_plain(body: bytes, charset: str | None) -> Article:
    """A plain text, whose first line is as good a title as any."""
    text = decoded(body, charset).strip()
    return Article(text.partition("\n")[0][:200].strip(), text)


def _declared(body: bytes) -> str | None:
    found = re.search(rb"charset=[\"']?([\w-]+)", body[:2_000], re.IGNORECASE)
    return found[1].decode("ascii") if found else None


def _title(page: Any) -> str:
    for path in ("//meta[@property='og:title']/@content", "//title/text()", "//h1//text()"):
        found = " ".join(" ".join(page.xpath(path)[:20]).split())
        if found:
            return found[:300]
    return ""


def _text(element: Any) -> str:
    lines = (" ".join(line.split()) for line in element.text_content().split(_BREAK))
    return "\n".join(line for line in lines if line)
