"""The FastAPI app over one host's ports. Routes are declared once, under `/v1`; the gateway maps the other prefixes."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from shared.api import (
    assistants,
    cors,
    docs,
    files,
    front_door,
    health,
    messages,
    models,
    other_calls,
    playground,
    runs,
    threads,
    uploads,
    vector_store_files,
    vector_stores,
)
from shared.api.auth import Callers
from shared.api.errors import unknown_url
from shared.api.gateway import Gateway
from shared.api.health import Health
from shared.deps import Deps
from shared.runs.driven import DrivenRuns


def create_app(deps: Deps, driven: DrivenRuns) -> FastAPI:
    """The ASGI app of every host. Raises ValueError for keys and origins that cannot be used."""
    app = FastAPI(
        title="API-in-a-Box",
        description="The Assistants API, served from your own box.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        exception_handlers={HTTPException: unknown_url},
    )
    app.state.deps = deps
    app.state.driven = driven
    app.state.health = Health(deps)
    app.add_middleware(Gateway, callers=Callers(deps.settings, deps.clock), region="local", granted=deps.granted)
    named = cors.origins(deps.settings.cors_origins)
    if named:
        # Around the gateway: preflights bring no key, and errors must be readable, too.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=named,
            allow_methods=cors.METHODS,
            allow_headers=["*"],
            expose_headers=cors.EXPOSED,
            allow_private_network=True,
        )
    for resource in (
        assistants,
        runs,
        threads,
        messages,
        files,
        uploads,
        vector_stores,
        vector_store_files,
        models,
        other_calls,
    ):
        app.include_router(resource.routes.router)
    for page in (docs, front_door, health, playground):
        app.include_router(page.router)
    return app


def operation_id(route: APIRoute) -> str:
    """Such as `assistants_create`."""
    tag = route.tags[0] if route.tags else "box"
    return f"{tag}_{route.name}".lower().replace(" ", "_")
