"""Routes of tokens for browsers and devices; an owner's key alone opens them."""

from __future__ import annotations

from starlette.responses import Response

from shared import client_tokens
from shared.api.answers import answer, answer_page
from shared.api.openapi import Deleted, ListOf
from shared.api.query import PAGE_QUERY
from shared.api.routing import Routes
from shared.deps import Caller
from shared.objects.client_token import ClientToken, NewClientToken
from shared.objects.client_token_requests import CreateClientToken
from shared.paging import ListQuery

routes = Routes("/v1/client_tokens", "Client tokens")


@routes.post("", gives=NewClientToken)
async def create(caller: Caller, body: CreateClientToken) -> Response:
    """Make a token for a browser or a device; this answer alone shows it."""
    return answer(await client_tokens.make(caller, body))


@routes.get("", gives=ListOf(ClientToken), query=[PAGE_QUERY])
async def list_all(caller: Caller, query: ListQuery) -> Response:
    """List the tokens, newest first, with what was done with them."""
    return answer_page(await client_tokens.page(caller, query))


@routes.delete("/{token_id}", gives=Deleted)
async def revoke(caller: Caller, token_id: str) -> Response:
    """Revoke a token: it opens nothing any more."""
    return answer(await client_tokens.revoke(caller, token_id))
