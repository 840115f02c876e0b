"""The API as the commands call it: over HTTP at a box elsewhere, or without a network in that of this folder."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx2 as httpx
from pydantic import SecretStr

from shared.blobs.base import BlobsUnavailable
from shared.box import Box
from shared.cli.client import checked_address, connected, connected_to
from shared.cli.here import at_hand, quietly
from shared.cli.words import Failed, Problem, read_settings
from shared.config import Settings
from shared.deps import Deps
from shared.doctor.start import CannotStart, built
from shared.embedded.host import with_key
from shared.json_types import Json
from shared.queue.base import QueueUnavailable
from shared.store.base import StoreError

if TYPE_CHECKING:
    from openai import OpenAI

T = TypeVar("T")

#: Seconds that an answer may take.
ANSWER_TIMEOUT: Final = 60.0
#: What is told of a box that has no routes for administrators.
NO_ADMINS: Final = "That box has no administrators, or is an older one: BOX_ADMIN_KEYS there names them."
#: Objects of a page.
PAGE_SIZE: Final = 100


class ErrorAnswer(Failed):
    """The box answered with an error."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(slots=True)
class ApiClient:
    """A box's API, as one owner."""

    http: httpx.AsyncClient
    #: The ports of the box of this folder; None for one elsewhere.
    deps: Deps | None
    owner: str = ""
    #: Calls made so far.
    calls: int = 0

    async def ask(self, method: str, path: str, **more: Any) -> Json:
        """The answer to a call below /v1. Raises ErrorAnswer with what an error says, and Failed without an answer."""
        self.calls += 1
        try:
            answer = await self.http.request(method, f"/v1/{path}", **more)
            body = answer.json()
        except httpx.HTTPError as error:
            raise Failed(f"The box does not answer ({type(error).__name__}).") from error
        except ValueError as error:
            raise Failed(f"What answers there is no box ({answer.status_code}).") from error
        if not isinstance(body, dict) or answer.status_code >= 400:
            told = body.get("error", {}) if isinstance(body, dict) else {}
            words = str(told.get("message", f"The box answers {answer.status_code} without a word."))
            words = NO_ADMINS if path.startswith("admin/") and words.startswith("Invalid URL") else words
            raise ErrorAnswer(words, answer.status_code, str(told.get("code")))
        return body

    async def all(self, path: str, *, order: str = "desc", most: int | None = None) -> AsyncIterator[Json]:
        """The objects of a list, page after page; `most`: so many at most."""
        after: dict[str, str] = {}
        while most is None or most > 0:
            size = PAGE_SIZE if most is None else min(most, PAGE_SIZE)
            page = await self.ask("GET", path, params={"limit": str(size), "order": order, **after})
            for each in page["data"]:
                yield each
            if not page["has_more"]:
                return
            after = {"after": page["last_id"]}
            most = None if most is None else most - size

    def storage(self, what: str) -> Deps:
        """The box's ports. Raises Problem where only HTTP leads to it: `what` cannot be had by that."""
        if self.deps is None:
            raise Problem(
                f"{what} is in the box's storage, which no call leads to: leave out --url, and set "
                "AzureWebJobsStorage (or AzureWebJobsStorage__tableServiceUri and so on, with an identity)."
            )
        return self.deps


def opened(url: str, key: str, owner: str) -> AbstractAsyncContextManager[ApiClient]:
    """The API of the box at the address, or of that of this folder as one of its owners."""
    if url:
        if owner:
            raise Problem("--owner goes without --url: there the key says whose it is.")
        return elsewhere_at(checked_address(url, key), key)
    return here_as(read_settings(), owner)


def as_admin(url: str, key: str) -> AbstractAsyncContextManager[ApiClient]:
    """The API of the box at the address, or of that of this folder, as an administrator: who has the storage is one."""
    if url:
        return elsewhere_at(checked_address(url, key, "BOX_ADMIN_KEY"), key)
    settings = read_settings()
    made_here = settings if settings.uses_azure_storage else with_key(settings)
    key = secrets.token_urlsafe(32)
    return inside(made_here.model_copy(update={"box_admin_keys": {"here": SecretStr(key)}}), "", key)


def ask_as_admin(url: str, key: str, method: str, path: str, **more: Any) -> Json:
    """The answer to a call below /v1/admin. Raises ErrorAnswer and Failed, as `ApiClient.ask`."""

    async def answered() -> Json:
        async with as_admin(url, key) as api:
            return await api.ask(method, f"admin/{path}", **more)

    return asyncio.run(answered())


def sdk(url: str, key: str) -> AbstractContextManager[OpenAI]:
    """The openai SDK's client of that box; a host is started in this folder if none runs."""
    return connected_to(url, key) if url else connected(read_settings())


def from_storage(what: str, asking: Callable[[Deps], Awaitable[T]]) -> T:
    """What the storage of this folder's box answers; `what` is asked for. Raises Problem, and Failed without answer."""

    async def answered() -> T:
        async with opened("", "", "") as api:
            return await asking(api.storage(what))

    try:
        return asyncio.run(answered())
    except (StoreError, QueueUnavailable, BlobsUnavailable) as error:
        raise Failed("The storage does not answer.") from error


def listed(path: str, url: str, key: str, owner: str, *, most: int | None = None) -> list[Json]:
    """The objects of a list; `most`: so many at most."""

    async def found() -> list[Json]:
        async with opened(url, key, owner) as api:
            return [each async for each in api.all(path, most=most)]

    return asyncio.run(found())


@asynccontextmanager
async def elsewhere_at(address: str, key: str) -> AsyncIterator[ApiClient]:
    """A box over HTTP."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=ANSWER_TIMEOUT) as http:
        yield ApiClient(http, None)


@asynccontextmanager
async def here_as(settings: Settings, owner: str) -> AsyncIterator[ApiClient]:
    """The box that has this folder's storage, in this process. Whoever has the storage may be any owner."""
    name, key = owner or next(iter(settings.box_api_keys), "default"), secrets.token_urlsafe(32)
    async with inside(at_hand(settings, name, key), name, key) as api:
        yield api


@asynccontextmanager
async def inside(settings: Settings, owner: str, key: str) -> AsyncIterator[ApiClient]:
    """A box of these settings in this process, called with a key that they let in."""
    quietly()
    box = made(settings)
    headers = {"Authorization": f"Bearer {key}"}
    transport = httpx.ASGITransport(app=box.asgi)
    try:
        async with httpx.AsyncClient(base_url="http://box", transport=transport, headers=headers) as http:
            yield ApiClient(http, box.deps, owner)
    finally:
        await box.close()


def made(settings: Settings) -> Box:
    """The box. Raises Failed with what keeps it from being made."""
    try:
        return built(settings)
    except CannotStart as error:
        raise Failed(str(error)) from error
