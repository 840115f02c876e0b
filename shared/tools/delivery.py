"""Where mails and events go: the port of `send_email` and `create_calendar_event`, and what both check first."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import AfterValidator

from shared.tools.base import ToolContext, ToolFailure
from shared.tools.domains import domains_of

#: Without % and !, by which old relays send a mail on to another domain, and what names files and programs.
_ADDRESS = re.compile(r"[A-Za-z0-9.#$&'*+=?^_{}~-]{1,64}@(?P<domain>[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Recipients of a mail.
_MOST_RECIPIENTS = 20

#: Characters of a subject or place, and of a text.
_LONGEST_LINE = 200
_LONGEST_TEXT = 50_000


class Delivery(Protocol):
    """Hands one kind of message over to somebody who delivers it."""

    async def deliver(self, body: dict[str, str], context: ToolContext) -> str:
        """Hand it over and tell where it went. Raises ToolFailure if nothing was delivered, else anything."""
        ...

    async def forget(self, run_id: str) -> None:
        """Remove what the calls of a run have left in the box: its thread is gone. Raises OSError."""
        ...


@dataclass(frozen=True, slots=True)
class AllowedDomains:
    """The domains this box may write to, from a comma-separated list; an empty list allows nobody."""

    domains: frozenset[str]

    @classmethod
    def parse(cls, setting: str) -> AllowedDomains:
        """From EMAIL_ALLOWED_DOMAINS."""
        return cls(domains_of(setting))

    def check(self, recipients: str) -> str:
        """The recipients in the connector's form, if each of them may be written to. Raises ToolFailure."""
        addresses = [each.strip() for each in re.split("[;,]", recipients) if each.strip()]
        if len(addresses) > _MOST_RECIPIENTS:
            raise ToolFailure(f"at most {_MOST_RECIPIENTS} recipients are allowed")
        for address in addresses:
            self._check(address)
        return ";".join(addresses)

    def _check(self, address: str) -> None:
        if not self.domains:
            raise ToolFailure(
                "this box may not write to anybody: its operator must list domains in EMAIL_ALLOWED_DOMAINS"
            )
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise ToolFailure(f"{address[:100]!r} is not a plain e-mail address")
        if match["domain"].lower() not in self.domains:
            allowed = ", ".join(sorted(self.domains))
            raise ToolFailure(f"{address} may not be written to; allowed domains: {allowed}")


def _one_line(text: str) -> str:
    """Nothing that could begin a header of its own."""
    if len(text) > _LONGEST_LINE or _CONTROL.search(text) is not None:
        raise ValueError(f"must be one line of {_LONGEST_LINE} characters at most")
    return text


def _not_too_long(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise ValueError(f"must have {_LONGEST_TEXT} characters at most")
    return text


# Checked here and not in the schema: model servers that turn schemas into grammars choke on large limits and patterns.
Line = Annotated[str, AfterValidator(_one_line)]
Text = Annotated[str, AfterValidator(_not_too_long)]


def as_html(text: str) -> str:
    """Plain text as HTML that shows it and does nothing else."""
    return html.escape(text).replace("\n", "<br>\n")
