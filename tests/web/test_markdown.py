"""Answers as models write them: CommonMark and GFM, code, mathematics, while they stream and afterwards."""

from __future__ import annotations

import pytest

from shared.llm.scripted import ScriptedLlm, pause, text
from tests.api.conftest import KEY, Box
from tests.web.page import Page

FENCE = "```"


@pytest.fixture(scope="module")
def model():
    return ScriptedLlm()


@pytest.fixture(scope="module")
def box(tmp_path_factory, model):
    """One for all tests: each has a conversation of its own."""
    box = Box(tmp_path_factory.mktemp("box"), {"heartbeat_seconds": 0.2})
    box.llm = model
    box.start()
    yield box
    box.stop()


@pytest.fixture(scope="module")
def opened(driver, box):
    page = Page(driver, box.url)
    page.enter_as_new(KEY)
    page.create_assistant("Writer")
    return page


@pytest.fixture
def page(opened):
    opened["#new-thread"].click()
    opened.complaints()
    return opened


@pytest.fixture
def answer(page, model):
    """The message that shows an answer; the model is scripted to give it."""

    def shown(value: str):
        model.script([text(value)])
        run = page.say("Tell me.")
        return run.find_element("css selector", ".message .body")

    return shown


def html(element) -> str:
    return element.get_property("innerHTML")


def found(element, selector: str) -> list[str]:
    return [each.text for each in element.find_elements("css selector", selector)]


def test_lists_in_lists_quotes_and_emphasis(page, answer):
    shown = answer(
        "1. one\n   - inner *soft* and **loud**\n   - ~~gone~~\n2. two\n\n> quoted\n> twice\n\n---\n\nA_b_c stays."
    )

    assert found(shown, "ol > li > ul > li") == ["inner soft and loud", "gone"]
    assert found(shown, "em") == ["soft"]
    assert found(shown, "strong") == ["loud"]
    assert found(shown, "s") == ["gone"]
    assert found(shown, "blockquote") == ["quoted\ntwice"]
    assert len(shown.find_elements("css selector", "hr")) == 1
    assert "A_b_c stays." in shown.text
    assert page.complaints() == []


def test_an_escaped_pipe_stays_in_its_cell(page, answer):
    body = "| `a \\| b` | pipe | 12 |\n| x \\| y | `\\|\\|`-free | 7 |"
    shown = answer(f"| Command | Use | Count |\n|---|:-:|---:|\n{body}")

    rows = [found(row, "th, td") for row in shown.find_elements("css selector", "tr")]
    assert rows == [["Command", "Use", "Count"], ["a | b", "pipe", "12"], ["x | y", "||-free", "7"]]
    ends = [each.value_of_css_property("text-align") for each in shown.find_elements("css selector", "td")]
    assert ends == ["start", "center", "end"] * 2
    assert page.complaints() == []


def test_words_and_dates_of_a_table_are_not_broken_on_a_small_screen(page, answer):
    columns = ["Institution", "Acquirer", "Deposits", "Closed"]
    rows = "| Signature Bank of New York | Flagstar | 88,612.91 | 2023-03-12 |\n" * 2
    small = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", small)
    try:
        shown = answer(f"| {' | '.join(columns)} |\n|---|---|---:|---|\n{rows}")
        one = shown.find_element("css selector", "th").size["height"]
        cells = shown.find_elements("css selector", "th, td:nth-child(n+3)")
        assert {each.text: each.size["height"] for each in cells if each.tag_name == "th"} == dict.fromkeys(
            columns, one
        )
        select = "const all = document.createRange(); all.selectNodeContents(arguments[0])"
        lines = f"{select}; return all.getClientRects().length"
        assert {each.text for each in cells if page.driver.execute_script(lines, each) > 1} == set()
        widths = "return document.querySelector('#transcript').scrollWidth <= 360"
        assert page.driver.execute_script(widths)
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_tasks_are_shown_done_or_not_and_cannot_be_changed(answer):
    shown = answer("- [x] bought\n- [ ] to do")

    boxes = shown.find_elements("css selector", "input[type=checkbox]")
    assert [each.is_selected() for each in boxes] == [True, False]
    assert not any(each.is_enabled() for each in boxes)


def test_links_open_elsewhere_and_words_are_no_links(page, answer):
    shown = answer(
        "See https://example.com/a?b=1. [Here](https://example.org 'tip') and policy.md, **b**@x.y;\n\n[no](file:///x)"
    )

    links = shown.find_elements("css selector", "a")
    assert [each.get_attribute("href") for each in links] == ["https://example.com/a?b=1", "https://example.org/"]
    assert {each.get_attribute("rel") for each in links} == {"noopener noreferrer"}
    assert {each.get_attribute("target") for each in links} == {"_blank"}


def test_a_picture_from_elsewhere_is_a_link(page, answer):
    shown = answer("![the **view**](https://example.com/p.png)")

    assert shown.find_elements("css selector", "img") == []
    assert [each.get_attribute("href") for each in shown.find_elements("css selector", "a")] == [
        "https://example.com/p.png"
    ]
    assert page.complaints() == []


def test_headings_stand_below_those_of_the_page(answer):
    shown = answer("# Big\n\n## Smaller\n\n###### Smallest")
    assert [found(shown, each) for each in ("h1", "h2", "h3", "h4", "h6")] == [
        [],
        [],
        ["Big"],
        ["Smaller"],
        ["Smallest"],
    ]


def test_code_has_its_language_colours_and_a_button_that_copies_it(page, answer):
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    shown = answer(
        f"So:\n\n{FENCE}python\ndef double(x):\n    return x * 2  # twice\n{FENCE}\n\n{FENCE}nonsense\n<b>{FENCE}"
    )

    assert found(shown, ".code .label")[0].startswith("python")
    assert "def" in found(shown, ".hljs-keyword")
    assert found(shown, ".hljs-comment") == ["# twice"]
    shown.find_element("css selector", ".code .copy").click()
    page.until(lambda: "Copied" in found(shown, ".code .copy"))
    read = "navigator.clipboard.readText().then(arguments[0])"
    assert page.driver.execute_async_script(read) == "def double(x):\n    return x * 2  # twice\n"
    assert page.complaints() == []


def test_an_answer_is_copied_as_it_was_written(page, answer):
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    answer("**Bold** and `code`")
    page.all(".message.assistant .about .copy")[-1].click()
    page.until(lambda: page.all(".message.assistant .about .copy")[-1].text == "Copied")
    assert (
        page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])") == "**Bold** and `code`"
    )


DELIMITERS = [("$", "$"), (r"\(", r"\)"), ("$$\n", "\n$$"), ("\\[\n", "\n\\]"), (r"\[", r"\]"), ("$$", "$$")]


@pytest.mark.parametrize("written", [rf"{begin}\frac{{a}}{{b}}{end}" for begin, end in DELIMITERS])
def test_mathematics_is_set(page, answer, written):
    shown = answer(f"Half: {written}" if "\n" not in written else f"Half:\n\n{written}")

    page.until(lambda: shown.find_elements("css selector", "math mfrac"))
    assert found(shown, "math mfrac mi") == ["a", "b"]
    assert html(shown).count('style="') == 0
    assert page.complaints() == []


def test_prices_are_no_mathematics_and_a_broken_formula_stays_as_written(page, answer):
    shown = answer("It costs $5 and then $10.\n\nBroken: $\\frac{1$ and fine: $x^2$.")

    page.until(lambda: shown.find_elements("css selector", "math msup"))
    assert "It costs $5 and then $10." in shown.text
    assert found(shown, ".math.unread") == ["\\frac{1"]
    assert page.complaints() == []


def test_a_formula_of_several_lines_is_one_wherever_it_stands(page, answer):
    shown = answer("So:\n\\[\na\n- b\n= c\n\\]\n\n1. first\n   \\[\n   \\sqrt{d}\n   \\]\n\n> \\[ e\n> + f \\]")

    page.until(lambda: len(shown.find_elements("css selector", ".math.display math")) == 3)
    assert [found(each, "mi") for each in shown.find_elements("css selector", ".math.display")] == [
        ["a", "b", "c"],
        ["d"],
        ["e", "f"],
    ]
    assert len(shown.find_elements("css selector", "ol > li .math.display")) == 1
    assert len(shown.find_elements("css selector", "blockquote .math.display")) == 1


def test_brackets_that_hold_or_end_nothing_are_no_formula(page, answer):
    shown = answer(r"Call f\(\), a\[\] and \(x\), then \(y or \[z.")

    page.until(lambda: found(shown, "math mi") == ["x"])
    assert "Call f(), a[] and" in shown.text
    assert "then (y or [z." in shown.text


@pytest.mark.parametrize("begin", ["\\(a ", "\\[a ", "\\[\n", "> \\[\n", "\\(a\\\\) ", "[\\("])
def test_formulas_without_an_end_are_drawn_at_once(page, begin):
    """A thing of milliseconds; looking for the end from each of them took a minute."""
    timed = """
        const [text, done] = arguments;
        import("/playground/markdown.js").then(({ markdown }) => {
            const began = performance.now();
            markdown(text);
            done((performance.now() - began) / 1000);
        });
    """
    assert page.driver.execute_async_script(timed, begin * (60_000 // len(begin))) < 3


def test_mathematics_is_loaded_by_the_first_formula(page, answer):
    def loaded() -> bool:
        names = page.driver.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
        return any(name.endswith("/katex.js") for name in names)

    page.driver.refresh()
    page.until(lambda: page["#text"].is_displayed())
    answer("No formula.")
    assert not loaded()
    answer("$x$")
    page.until(loaded)


def test_a_table_is_a_table_while_it_is_written(page, model, box):
    go_on = box.event()
    model.script([text("| A | B |\n|---|---|\n| 1 | 2 |\n| 3 ", pause(go_on), "| 4 |\n")])

    run = page.say("A table.", until="in_progress")
    page.until(lambda: found(run, "tr:last-child td") == ["3", ""])
    box.loop.call_soon_threadsafe(go_on.set)
    page.run_is("completed")

    page.until(
        lambda: (
            [found(row, "th, td") for row in run.find_elements("css selector", "tr")]
            == [["A", "B"], ["1", "2"], ["3", "4"]]
        )
    )
