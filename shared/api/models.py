"""Routes of models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel
from starlette.responses import Response

from shared.api.answers import answer
from shared.api.routing import Routes
from shared.assistants import models
from shared.deps import Caller

routes = Routes("/v1/models", "Models")


class Model(BaseModel):
    """A model that can be asked for."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    shutdown_date: str | None
    warning: str | None = None


class ModelList(BaseModel):
    """The models that the provider offers, and the names that the settings give them."""

    object: Literal["list"] = "list"
    data: list[Model]


@routes.get("", gives=ModelList)
async def list_all(caller: Caller) -> Response:
    """List the models."""
    return answer({"object": "list", "data": await models.list_all(caller.deps)})


@routes.get("/{model:path}", gives=Model)
async def retrieve(caller: Caller, model: str) -> Response:
    """Get a model; its id may have slashes."""
    return answer(await models.get(caller.deps, model))
