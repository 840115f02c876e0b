"""What some settings consist of, as their JSON is read."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, SecretStr

NonNegativeDecimal = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """What a million tokens of a model cost; those of the cache cost as others, if nothing else is said."""

    model_config = ConfigDict(extra="forbid")

    input: NonNegativeDecimal
    cached_input: NonNegativeDecimal | None = None
    cache_write: NonNegativeDecimal | None = None
    output: NonNegativeDecimal


class ServerConnection(BaseModel):
    """A server that the operator has credentials for; they go to no other."""

    url: str
    headers: dict[str, SecretStr] = {}
    audience: str = ""

    def covers(self, url: str) -> bool:
        """Whether the address is one of the server's, and does not climb out of it."""
        climbs = {".", ".."} & set(unquote(url).split("?")[0].split("/"))
        return not climbs and (url == self.url or url.startswith(self.url.rstrip("/") + "/"))

    def secrets(self) -> dict[str, str]:
        """The headers as they are sent."""
        return {name: value.get_secret_value() for name, value in self.headers.items()}


class Webhook(BaseModel):
    """A server that is told what happens."""

    url: str
    #: `whsec_…`; while it is replaced two, separated by a space.
    secret: SecretStr
    owners: list[str] = ["*"]
    events: list[str] = ["*"]
