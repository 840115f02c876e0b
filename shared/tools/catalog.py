"""The tools this box offers, made from its settings, and those of `own.py`."""

from __future__ import annotations

from pathlib import Path

from shared.config import Settings
from shared.tools.base import Tool
from shared.tools.create_calendar_event import create_calendar_event_tool
from shared.tools.delivery import AllowedDomains, Delivery
from shared.tools.domains import domains_of
from shared.tools.fetch_article import fetch_article_tool
from shared.tools.fetcher import Fetcher
from shared.tools.get_country_info import get_country_info_tool
from shared.tools.get_current_time import get_current_time_tool
from shared.tools.get_stock_price import get_stock_price_tool
from shared.tools.identity import Identity, azure_identity
from shared.tools.outbox import Outbox
from shared.tools.own import own_tools
from shared.tools.prices import PriceSource
from shared.tools.send_email import send_email_tool
from shared.tools.yahoo import Yahoo


def catalog(
    settings: Settings,
    *,
    embedded: bool,
    identity: Identity | None = None,
    prices: PriceSource | None = None,
    fetcher: Fetcher | None = None,
) -> list[Tool]:
    """Every tool whose service is there; an embedded box has an outbox where others have a mailbox."""
    allowed = AllowedDomains.parse(settings.email_allowed_domains)
    tools = [
        get_stock_price_tool(prices or Yahoo()),
        get_current_time_tool(),
        fetch_article_tool(fetcher or Fetcher(allowed_domains=domains_of(settings.fetch_allowed_domains))),
        get_country_info_tool(settings.rest_countries_url, settings.rest_countries_key.get_secret_value()),
    ]
    identity = identity or azure_identity(settings.azure_client_id)
    outbox = settings.box_home / "outbox" if embedded else None
    mail = _delivery("email", settings.send_email_url, identity, outbox)
    if mail is not None:
        tools.append(send_email_tool(mail, allowed))
    calendar = _delivery("event", settings.create_event_url, identity, outbox)
    if calendar is not None:
        tools.append(create_calendar_event_tool(calendar, allowed))
    return [*tools, *own_tools(settings)]


def _delivery(kind: str, url: str, identity: Identity, outbox: Path | None) -> Delivery | None:
    if url:
        from shared.tools.logic_app import LogicApp

        return LogicApp(url, identity, done=f"The {kind} was handed over for delivery.")
    return None if outbox is None else Outbox(outbox, kind)
