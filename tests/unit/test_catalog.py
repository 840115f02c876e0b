"""Which tools a box offers follows from its settings."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from shared.config import Settings
from shared.tools.base import toolbox
from shared.tools.catalog import catalog

ALWAYS = ["get_stock_price", "get_current_time", "fetch_article", "get_country_info"]
MAIL = "https://prod-1.westeurope.logic.azure.com/workflows/m/triggers/manual/paths/invoke?api-version=2016-10-01"


def offered(*, embedded: bool, **settings: str) -> list[str]:
    made = catalog(Settings(_env_file=None, **settings), embedded=embedded)
    return list(toolbox(made))


def test_without_logic_apps_nothing_is_offered_that_needs_them():
    assert offered(embedded=False) == ALWAYS


def test_each_logic_app_offers_its_tool():
    assert offered(embedded=False, send_email_url=MAIL) == [*ALWAYS, "send_email"]
    assert offered(embedded=False, create_event_url=MAIL) == [*ALWAYS, "create_calendar_event"]


def test_an_embedded_box_has_an_outbox():
    assert offered(embedded=True) == [*ALWAYS, "send_email", "create_calendar_event"]


def test_a_signed_url_stops_the_box():
    with pytest.raises(ValueError, match="signature"):
        offered(embedded=True, send_email_url=MAIL + "&sig=abc")


def test_every_tool_is_fit_for_the_api():
    for tool in catalog(Settings(_env_file=None), embedded=True):
        assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", tool.name)
        assert 0 < len(tool.description) <= 1024
        assert tool.parameters["type"] == "object"
        for parameter in tool.parameters["properties"].values():
            assert parameter["description"] or parameter["type"]
            # llama.cpp and its kin turn these into grammars, and fail.
            assert "pattern" not in parameter
            assert parameter.get("maxLength", 0) <= 100


def test_the_operators_own_tools_are_offered_beside_the_boxs():
    """The file that releases leave alone, as somebody has filled it."""
    code = """
import sys, types
from shared.config import Settings
from shared.tools.base import tool, toolbox

async def get_invoice(number: str) -> str:
    \'\'\'Get an invoice.\'\'\'
    return number

filled = types.ModuleType("shared.tools.own")
filled.own_tools = lambda settings: [tool(get_invoice, idempotent=True, timeout=10)]
sys.modules["shared.tools.own"] = filled
from shared.tools.catalog import catalog
print(*toolbox(catalog(Settings(_env_file=None), embedded=False)))
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert said.split() == [*ALWAYS, "get_invoice"]


def test_heavy_libraries_wait_for_the_first_call():
    code = (
        "import sys; from shared.config import Settings; from shared.tools.catalog import catalog;"
        "catalog(Settings(_env_file=None), embedded=True);"
        "print([m for m in ('yfinance', 'pandas', 'httpx2', 'lxml', 'azure', 'curl_cffi') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
