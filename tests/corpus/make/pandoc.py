"""Documents that pandoc, Chromium and iconv write; pandoc is the one of pypandoc_binary."""

from __future__ import annotations

import subprocess
from html import escape
from typing import Any

import pypandoc
from writing import CORPUS, SCRATCH, save
from writing import TEXTS as T

ROWS = ["| " + " | ".join(row) + " |" for row in T["table"]]
REPORT = "\n\n".join(
    [
        f"# {T['title']}",
        f"{T['intro']}[^1]",
        f"[^1]: {T['note']}",
        f"## {T['heading']}",
        T["harvest"],
        "\n".join(f"- {item}" for item in T["items"]),
        "\n".join([ROWS[0], "|---|---|---|", *ROWS[1:]]),
        f"> {T['quote']}",
        T["compound"],
    ]
)
GIVEN = [T[key] for key in ("title", "intro", "note", "heading", "harvest", "items", "table", "quote", "compound")]
MATHS = (
    "Half is $\\frac{1}{2}$ of it, $x^2 = 4$ and $\\sqrt{9} = 3$; with $v_0$ and $10^6$ cells.\n\n"
    "$$\\sum_{i=1}^{n} a_i = b$$\n"
)
MATHS_READ = "Half is 1/2 of it x^2 √9 with v_0 and 10^6 cells a_i b"
LANGUAGES = [
    T[key] for key in ("german", "french", "polish", "russian", "greek", "hebrew", "arabic", "turkish", "korean")
]
ASIAN = [T["japanese"], T["chinese"]]
TALK = "\n\n".join(f"# {title}\n\n- {body}\n\n::: notes\n{note}\n:::" for title, body, note in T["slides"])


def pandoc(name: str, source: str, *given: Any, options: tuple[str, ...] = ()) -> None:
    """Let pandoc write `name` from Markdown."""
    SCRATCH.mkdir(exist_ok=True)
    target = {"md": "gfm", "tex": "latex", "txt": "plain"}.get(name.rpartition(".")[2], name.rpartition(".")[2])
    path = SCRATCH / name
    # Smart quotes would be other words than those given.
    pypandoc.convert_text(source, target, "markdown-smart", outputfile=str(path), extra_args=[*options])
    save(name, path.read_bytes(), *given)


def chromium(name: str, html: str, *given: Any) -> None:
    """Let Chromium print a page."""
    SCRATCH.mkdir(exist_ok=True)
    page, made = SCRATCH / "page.html", SCRATCH / name
    page.write_text(f"<!doctype html><meta charset=utf-8>{html}")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    subprocess.run([*command, f"--print-to-pdf={made}", page.as_uri()], check=True, capture_output=True, timeout=120)
    save(name, made.read_bytes(), *given)


def iconv() -> None:
    """Texts in the encodings of before Unicode, by iconv."""
    pairs = (("cp1250", "czech"), ("iso-8859-2", "polish"), ("cp1251", "russian"), ("koi8-r", "russian"))
    pairs += (("cp1253", "greek"), ("cp1254", "turkish"), ("cp1255", "hebrew"), ("cp1256", "arabic"))
    pairs += (("shift-jis", "japanese"), ("euc-jp", "japanese"), ("gb18030", "chinese"), ("big5", "taiwanese"))
    for encoding, key in (*pairs, ("euc-kr", "korean"), ("cp1252", "french"), ("utf-16", "czech")):
        text = "".join(T[key]) if isinstance(T[key], list) else T[key]
        command = ["iconv", "--from-code=utf-8", f"--to-code={encoding}"]
        made = subprocess.run(command, input=f"{text}\n".encode(), check=True, capture_output=True, timeout=10)
        save(f"iconv-{encoding}.txt", made.stdout, T[key])


def documents() -> None:
    """A report, formulas and languages in the formats that pandoc writes."""
    for kind in ("docx", "html", "md", "txt"):
        pandoc(f"pandoc-report.{kind}", REPORT, *GIVEN, options=("--wrap=none",))
    # LaTeX has names for quotation marks.
    pandoc("pandoc-report.tex", REPORT.replace(T["quote"], ""), *GIVEN[:-2], T["compound"], options=("--wrap=none",))
    for kind in ("docx", "pptx"):
        pandoc(f"pandoc-maths.{kind}", MATHS, MATHS_READ)
    pandoc("pandoc-maths.html", MATHS, MATHS_READ, options=("--mathml",))
    for kind in ("docx", "html"):
        pandoc(f"pandoc-languages.{kind}", "\n\n".join(LANGUAGES + ["".join(a) for a in ASIAN]), LANGUAGES, ASIAN)
    pandoc("pandoc-talk.pptx", TALK, T["slides"])
    pandoc("pandoc-tasks.docx", f"- [x] {T['items'][0]}\n- [ ] {T['items'][1]}\n", "☒ ☐", T["items"][:2])


def prints() -> None:
    """Pages as Chromium prints them."""
    rows = "".join("<tr>" + "".join(f"<td>{cell}" for cell in row) for row in T["table"])
    body = f"<h1>{T['title']}</h1><p>{T['intro']}<p>{T['compound']}<table>{rows}</table><p>{escape(T['quote'])}"
    chromium("chromium-report.pdf", body, T["title"], T["intro"], T["compound"], T["table"], T["quote"])
    chromium("chromium-arabic.pdf", f"<p dir=rtl>{T['arabic']}", T["arabic"])
    soft = "Donau&shy;dampf&shy;schiff&shy;fahrts&shy;gesellschaft".join(["<p style='width:25mm'>Die ", " fährt"])
    chromium("chromium-soft.pdf", soft, "Die Donaudampfschifffahrtsgesellschaft fährt")
    narrow = f"<p style='width:45mm'>{T['long']}<p style='width:45mm'>{T['compound']}"
    chromium("chromium-narrow.pdf", narrow, T["long"], T["compound"])
    chromium("chromium-languages.pdf", "".join(f"<p>{text}" for text in LANGUAGES[:5]), LANGUAGES[:5])


iconv()
documents()
prints()
print(len([*CORPUS.glob("*.words")]), "documents")
