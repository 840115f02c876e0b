"""The app over one host's ports. Routes are declared once, under `/v1`; the gateway maps the other prefixes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple, Protocol

from starlette.types import ASGIApp

from shared.api import (
    approvals,
    assistants,
    client_tokens,
    cors,
    docs,
    files,
    front_door,
    health,
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
from shared.api.directory import Directory, Route
from shared.api.gateway import Gateway
from shared.api.health import Health
from shared.api.routing import Routes
from shared.client_tokens import check, grant
from shared.config import Settings
from shared.deps import Deps
from shared.runs.driven import DrivenRuns


class Resource(Protocol):
    """A file of routes."""

    routes: Routes


class App(NamedTuple):
    """What requests are answered with; `request.app`."""

    deps: Deps
    driven: DrivenRuns
    health: Health
    routes: tuple[Route, ...]


def create_app(deps: Deps, driven: DrivenRuns) -> ASGIApp:
    """The ASGI app of every host. Raises ValueError for keys and origins that cannot be used."""
    app = App(deps, driven, Health(deps), all_routes(deps.settings))
    callers = Callers(deps.settings, deps.clock, deps.stored_keys, partial(grant, deps), partial(check, deps))
    gateway = Gateway(app, Directory(app.routes), callers, deps.telemetry, region="local", granted=deps.granted)
    return with_cors(gateway, cors.origins(deps.settings.cors_origins))


def all_routes(settings: Settings) -> tuple[Route, ...]:
    """The routes that these settings open."""
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
        *administration(settings),
    )
    pages = (docs, front_door, health, metrics, playground, sign_in)
    return tuple(chain(*(each.routes.all for each in resources), *(each.pages.all for each in pages)))


def administration(settings: Settings) -> Sequence[Resource]:
    """The routes of administrators, where there are some."""
    if not settings.box_admin_keys:
        return ()
    from shared.api import admin, imports

    return (admin, imports)


def with_cors(gateway: ASGIApp, named: list[str]) -> ASGIApp:
    """The gateway for pages of these origins, too: preflights bring no key, and errors must be readable."""
    if not named:
        return gateway
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        gateway,
        allow_origins=named,
        allow_methods=cors.METHODS,
        allow_headers=["*"],
        expose_headers=cors.EXPOSED,
        allow_private_network=True,
    )
