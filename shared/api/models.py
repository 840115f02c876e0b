"""Routes of models."""

from __future__ import annotations

from typing import Literal

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from shared.api.answers import answer
from shared.api.openapi import documented
from shared.api.requests import caller
from shared.api.routing import resource
from shared.assistants import models

router = resource("/v1/models", "Models")


class Model(BaseModel):
    """A model that can be asked for."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("", **documented(ModelList))
async def list_all(request: Request) -> Response:
    """List the models."""
    deps, _ = caller(request)
    return answer({"object": "list", "data": await models.list_all(deps)})


@router.get("/{model:path}", **documented(Model))
async def retrieve(request: Request, model: str) -> Response:
    """Get a model; its id may have slashes."""
    deps, _ = caller(request)
    return answer(await models.get(deps, model))
