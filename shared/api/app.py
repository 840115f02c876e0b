"""The FastAPI app over one host's ports. Routes are declared once, under `/v1`; the gateway maps the other prefixes."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.api import (
    admin,
    approvals,
    assistants,
    client_tokens,
    cors,
    docs,
    files,
    front_door,
    health,
    imports,
    legal_holds,
    messages,
    metrics,
    models,
    other_calls,
    playground,
    runs,
    sign_in,
    threads,
    uploads,
    usage,
    vector_store_files,
    vector_stores,
)
from shared.api.auth import Callers
from shared.api.directory import Directory
from shared.api.errors import unknown_url
from shared.api.gateway import Gateway
from shared.api.health import Health
from shared.client_tokens import grant
from shared.deps import Deps
from shared.runs.driven import DrivenRuns


class Api(FastAPI):
    """The routes as FastAPI documents them, behind a front that answers most requests without its layers."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self.front(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """What FastAPI puts around its routes, without that which would answer errors: those are the front's."""
        return ExceptionMiddleware(AsyncExitStackMiddleware(self.router), self.exception_handlers, self.debug)

    async def other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that the front leaves to FastAPI."""
        await super().__call__(scope, receive, send)


def create_app(deps: Deps, driven: DrivenRuns) -> Api:
    """The ASGI app of every host. Raises ValueError for keys and origins that cannot be used."""
    app = Api(
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
    resources = (
        assistants,
        runs,
        threads,
        messages,
        files,
        uploads,
        vector_stores,
        vector_store_files,
        models,
        approvals,
        client_tokens,
        legal_holds,
        usage,
        other_calls,
        *([admin, imports] if deps.settings.box_admin_keys else []),
    )
    for resource in resources:
        app.include_router(resource.routes.router)
    for page in (docs, front_door, health, metrics, playground, sign_in):
        app.include_router(page.router)
    directory = Directory(route for resource in resources for route in resource.routes.all())
    callers = Callers(deps.settings, deps.clock, deps.stored_keys, partial(grant, deps))
    gateway = Gateway(app, directory, callers, deps.telemetry, region="local", granted=deps.granted)
    app.front = with_cors(gateway, cors.origins(deps.settings.cors_origins))
    return app


def with_cors(gateway: ASGIApp, named: list[str]) -> ASGIApp:
    """The gateway for pages of these origins, too: preflights bring no key, and errors must be readable."""
    if not named:
        return gateway
    return CORSMiddleware(
        gateway,
        allow_origins=named,
        allow_methods=cors.METHODS,
        allow_headers=["*"],
        expose_headers=cors.EXPOSED,
        allow_private_network=True,
    )


def operation_id(route: APIRoute) -> str:
    """Such as `assistants_create`."""
    tag = route.tags[0] if route.tags else "box"
    return f"{tag}_{route.name}".lower().replace(" ", "_")
