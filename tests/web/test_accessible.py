"""axe-core finds nothing to complain of, in the page's main states, at three sizes, light and dark."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from shared.llm.scripted import call, text
from tests.api.conftest import KEY
from tests.web.page import Page

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"

SIZES = {"telephone": (320, 568), "tablet": (768, 1024), "desk": (1440, 900)}
#: Theme -> the rules that are looked at, all unless named: what the dark one changes are colours.
THEMES = {"light": None, "dark": ["color-contrast", "link-in-text-block"]}
FUNCTION = '[{"name": "get_order", "parameters": {"type": "object", "properties": {}}}]'
RICH = """# Result

Some *words*, `code`, a [link](https://example.com) and a task:

- [x] done

> quoted

| A | B |
|---|--:|
| 1 | 2 |

```python
def double(x):  # twice
    return x * 2
```

## Formula

$$x^2$$
"""


@pytest.fixture
def look(page) -> Iterator[Callable[[str], None]]:
    """Looks at the page as it is, and at its colours in the other theme; all findings are told at the end."""
    if not AXE.exists():
        reason = "axe-core is missing: `make test` installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    found: list[str] = []

    def look(state: str) -> None:
        for theme, rules in THEMES.items():
            page.driver.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
            found.extend(f"{state}, {theme}: {each}" for each in violations(page, rules))

    yield look
    assert found == [], "\n".join(found)


#: A tablet's layout is a desk's, narrower.
@pytest.fixture(params=["telephone", pytest.param("tablet", marks=pytest.mark.long), "desk"])
def size(request, driver) -> Iterator[str]:
    width, height = SIZES[request.param]
    screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    yield request.param
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def violations(page: Page, rules: list[str] | None) -> list[str]:
    if not page.driver.execute_script("return 'axe' in window"):
        page.driver.execute_script(AXE.read_text())
    run = "axe.run({ resultTypes: ['violations'], runOnly: arguments[0] ?? undefined }).then(arguments[1])"
    result = page.driver.execute_async_script(run, rules)
    return [
        f"{each['id']}: {node['html'][:120]} ({node['failureSummary'].splitlines()[-1].strip()})"
        for each in result["violations"]
        for node in each["nodes"]
    ]


def opened(page: Page, button: str) -> None:
    """Presses a button of the sidebar, wherever that is."""
    if not page["#side"].is_displayed():
        page["#menu"].click()
    page[button].click()


def test_a_conversation_with_everything_in_it(page, model, size, look, tmp_path):
    look("nothing yet")
    opened(page, "#new-assistant")
    page.until(lambda: page["#name"].is_displayed())
    page["#settings summary"].click()
    look("the form of an assistant")
    page.press("ESCAPE", "ESCAPE")
    opened(page, "#open-library")
    page.until(lambda: page["#library-dialog"].is_displayed())
    look("files and stores, none")
    page.press("ESCAPE", "ESCAPE")
    if size == "telephone":
        page["#menu"].click()
        look("the menu")
    page.create_assistant("All", tools=("file_search",), functions=FUNCTION)
    if size == "telephone":
        page["#menu"].click()
    policy = tmp_path / "policy.md"
    policy.write_text("# Refunds\n\nWithin 14 days.\n")
    page.attach(policy)
    look("a file attached")
    model.script([call("file_search", queries=["refunds"])], [text(f"{RICH}\n\nWithin 14 days【1:0†policy.md】.")])
    page["#text"].send_keys("When?")
    page["#send"].click()
    page.run_is("completed")
    page.until(lambda: page.all("math"))
    look("an answer")
    page["#manage-thread"].click()
    page.until(lambda: page["#thread-title"].is_displayed())
    look("the conversation's form")
    page.press("ESCAPE")
    opened(page, "#open-library")
    page.until(lambda: page.all("#library-stores li"))
    page["#library-stores summary"].click()
    look("files and stores")
    page.press("ESCAPE", "ESCAPE")
    for button in ("Ids", "View code", "Failed runs", "Requests"):
        page.driver.find_element("xpath", f"//*[@class='toolbar']//button[.='{button}']").click()
        page.until(lambda: page.all("dialog[open] h2"))
        look(button)
        page.press("ESCAPE")
    model.script([call("get_order")])
    page["#text"].send_keys("My order?")
    page["#send"].click()
    page.until(lambda: page.all(".run[data-status=requires_action]"))
    look("a function to answer")
    page["#cancel"].click()
    page.run_is("cancelled")
    look("a cancelled run")
    page.all(".run")[-1].find_element("xpath", ".//button[.='Trace']").click()
    page.until(lambda: page.all("#inspector .timeline li"))
    look("the trace of a run")


def test_the_entrance(page, size, look):
    if not page["#side"].is_displayed():
        page["#menu"].click()
    page["#leave"].click()
    page.enter("wrong")
    page.until(lambda: page["#key-error"].is_displayed())
    look("a wrong key")
    page.enter(KEY)


@pytest.mark.parametrize("settings", [{"server_tools_allowed": {"*": ["*", "get_current_time:ask"]}}])
def test_calls_that_wait_for_approval(page, model, size, look):
    if size == "telephone":
        page["#menu"].click()
    page.create_assistant("Clerk", tools=("get_current_time",))
    if size == "telephone":
        page["#menu"].click()
    model.script([call("get_current_time", timezone="Asia/Tokyo"), call("get_current_time", timezone="UTC")])
    page["#text"].send_keys("Now?")
    page["#send"].click()
    page.until(lambda: page.all(".action button"))
    look("calls to approve")
    page.driver.execute_async_script("setTimeout(arguments[0], 450)")
    page[".action button"].send_keys(Keys.ENTER)
    page.until(lambda: page.all(".action button[aria-pressed=true]"))
    look("one of them approved")
    opened(page, "#new-thread")
    page.until(lambda: page.all("#waiting button"))
    look("something waits elsewhere")
    page["#waiting button"].click()
    page.until(lambda: page.all("#inspector li"))
    look("what waits elsewhere")


def test_a_table_of_what_was_used(page, model, size, look):
    if size == "telephone":
        page["#menu"].click()
    page.create_assistant("Clerk")
    if size == "telephone":
        page["#menu"].click()
    model.script([text("Hello.")])
    page["#text"].send_keys("Hi")
    page["#send"].click()
    page.until(lambda: "Hello." in page["#transcript"].text)
    page.driver.find_element("xpath", "//button[.='Usage']").click()
    page.until(lambda: page.all("#inspector tbody tr"))
    look("what was used")
