"""One of several places where models answer: an entry of MODEL_ENDPOINTS."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

from shared.settings.model_aliases import fitting_patterns, resolve

#: How endpoints may be called: the name stands in steps, in the log and in what `/healthz` says.
EndpointName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]
#: What the endpoint of the other settings is called, unless an entry without an address calls it otherwise.
MAIN: Final = "main"


class ModelEndpoint(BaseModel):
    """Where it is, how we identify ourselves, what it has, and how much of the work is its."""

    model_config = ConfigDict(defer_build=True, extra="forbid", hide_input_in_errors=True)

    #: Of a Responses API, or an Azure OpenAI resource; empty: the endpoint that the other settings name.
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    #: The environment variable that has the key instead, such as one that refers to a Key Vault.
    api_key_variable: str = ""
    #: Whether we come with the box's Azure identity instead of a key.
    identity: bool = False
    #: Model, in the keys of MODEL_ALIASES -> what it is called here. Empty: each model, by its own name.
    deployments: dict[str, str] = {}
    #: Those with the lowest number are asked while one of them answers.
    priority: int = Field(default=1, ge=1, le=100)
    #: Its share of the threads, among those of the same priority.
    weight: int = Field(default=1, ge=1, le=1000)

    @model_validator(mode="after")
    def _with_key(self) -> Self:
        if self.api_key_variable:
            key = os.environ.get(self.api_key_variable, "")
            if not key:
                raise ValueError(f"there is no variable {self.api_key_variable}, which should have the key")
            self.api_key = SecretStr(key)
        if self.identity and self.api_key.get_secret_value():
            raise ValueError("a key or an identity, not both")
        if not self.base_url and (self.identity or self.api_key.get_secret_value()):
            raise ValueError("a key or an identity needs a base_url; without one, it is the other settings' endpoint")
        return self


def deployment(model: str, deployments: Mapping[str, str]) -> str | None:
    """What an endpoint with these deployments calls a model; None: it does not have it."""
    if not deployments:
        return model
    return resolve(model, deployments) if model in deployments or fitting_patterns(model, deployments) else None


def checked(endpoints: dict[str, ModelEndpoint]) -> dict[str, ModelEndpoint]:
    """The endpoints, if their names tell them apart. Raises ValueError."""
    without_address = [name for name, each in endpoints.items() if not each.base_url]
    if len(without_address) > 1:
        raise ValueError(f"{' and '.join(without_address)}: one at the most may be without a base_url")
    if MAIN in endpoints and without_address != [MAIN]:
        raise ValueError(f"{MAIN} is the endpoint of the other settings: call this one otherwise")
    return endpoints
