"""What some settings consist of, as their JSON is read."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, SecretStr, model_validator

#: What can be reckoned with; nothing costs as much.
NonNegativeDecimal = Annotated[Decimal, Field(ge=0, le=10**12, allow_inf_nan=False)]


class Price(BaseModel):
    """What a million tokens of a model cost; those of the cache cost as others, if nothing else is said."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    input: NonNegativeDecimal
    cached_input: NonNegativeDecimal | None = None
    cache_write: NonNegativeDecimal | None = None
    output: NonNegativeDecimal


class BudgetLimits(BaseModel):
    """What may be used; None: without end. Days and months are those of UTC, money is reckoned by `PRICES`."""

    model_config = ConfigDict(defer_build=True, extra="forbid")

    tokens_per_day: NonNegativeInt | None = None
    tokens_per_month: NonNegativeInt | None = None
    cost_per_day: NonNegativeFloat | None = None
    cost_per_month: NonNegativeFloat | None = None
    runs_at_once: NonNegativeInt | None = None
    #: Requests that begin a run or go on with one.
    requests_per_minute: NonNegativeInt | None = None
    tokens_per_minute: NonNegativeInt | None = None

    @property
    def are_none(self) -> bool:
        """Whether nothing is limited."""
        return all(getattr(self, name) is None for name in BudgetLimits.model_fields)

    @property
    def are_in_money(self) -> bool:
        """Whether prices are needed."""
        return self.cost_per_day is not None or self.cost_per_month is not None


class Budget(BudgetLimits):
    """An owner's limits, and those of single assistants of the owner, by id."""

    assistants: dict[str, BudgetLimits] = {}

    @property
    def are_in_money(self) -> bool:
        """Whether prices are needed."""
        return any(each.are_in_money for each in self.assistants.values()) or super().are_in_money


class ServerConnection(BaseModel):
    """A server that the operator has credentials for; they go to no other."""

    url: str
    headers: dict[str, SecretStr] = {}
    #: Parameters that calls of APIs carry in their query, such as the signature of a Logic App's address.
    query: dict[str, SecretStr] = {}
    audience: str = ""

    @model_validator(mode="before")
    @classmethod
    def _with_query_apart(cls, value: object) -> object:
        """An address as the portal shows it, with its signature: what is secret of it is taken out."""
        if not isinstance(value, dict) or not isinstance(value.get("url"), str) or "?" not in value["url"]:
            return value
        url, _, query = value["url"].partition("?")
        return value | {"url": url, "query": dict(parse_qsl(query, keep_blank_values=True)) | value.get("query", {})}

    def covers(self, url: str) -> bool:
        """Whether the address is one of the server's, and does not climb out of it."""
        climbs = {".", ".."} & set(unquote(url).split("?")[0].split("/"))
        ours, theirs = _without_port(self.url), _without_port(url)
        return not climbs and (theirs == ours or theirs.startswith(ours.rstrip("/") + "/"))

    def secrets(self) -> dict[str, str]:
        """The headers as they are sent."""
        return {name: value.get_secret_value() for name, value in self.headers.items()}

    def secret_query(self) -> dict[str, str]:
        """The parameters of the query as they are sent."""
        return {name: value.get_secret_value() for name, value in self.query.items()}


class Webhook(BaseModel):
    """A server that is told what happens."""

    url: str
    #: `whsec_…`; while it is replaced two, separated by a space.
    secret: SecretStr
    owners: list[str] = ["*"]
    events: list[str] = ["*"]


def _without_port(url: str) -> str:
    """The address without a port that its scheme has anyway: Azure writes it, people leave it out."""
    return re.sub(r"^(https://[^/?#@]+):443(?=/|$)|^(http://[^/?#@]+):80(?=/|$)", r"\1\2", url)
