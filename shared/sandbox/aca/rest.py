"""The REST interface of an Azure Container Apps session pool, with the patience and the errors that belong to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import quote

from shared.backoff import Backoff
from shared.json_types import Json
from shared.sandbox.base import FileMissing, FileRefused, SandboxBusy, SandboxError, SandboxUnavailable

if TYPE_CHECKING:  # heavy: loaded on first use
    from azure.identity.aio import DefaultAzureCredential
    from httpx2 import AsyncClient, Response

logger = logging.getLogger(__name__)

Token = Callable[[], Awaitable[str]]

#: The classic version: the one that most clients use.
VERSION: Final = "2024-02-02-preview"
#: The first that can delete a session.
DELETE_VERSION: Final = "2025-10-02-preview"
#: What tokens must be asked for.
SCOPE: Final = "https://dynamicsessions.io/.default"
#: Seconds of one execution that the service allows.
LONGEST_CALL: Final = 220
#: Seconds for the answer to one.
_HTTP_SECONDS: Final = LONGEST_CALL + 30
#: Seconds until a connection stands.
_CONNECT_SECONDS: Final = 15
#: Between attempts at a call of the pool, while there is patience.
_BACKOFF: Final = Backoff(first=0.25, longest=5.0)

_MISSING, _TOO_LARGE, _TOO_MANY, _UNAVAILABLE, _SERVER_ERROR = 404, 413, 429, 503, 500
_REFUSED: Final = (401, 403)


class Identity:
    """Tokens for the box's identity: the user-assigned one, or whatever DefaultAzureCredential finds."""

    def __init__(self, client_id: str):
        self._client_id = client_id
        self._credential: DefaultAzureCredential | None = None

    async def token(self) -> str:
        """A token that is still good; the credential keeps it until it is not. Raises SandboxUnavailable."""
        from azure.core.exceptions import AzureError
        from azure.identity.aio import DefaultAzureCredential

        if self._credential is None:
            self._credential = DefaultAzureCredential(managed_identity_client_id=self._client_id or None)
        try:
            return (await self._credential.get_token(SCOPE)).token
        except AzureError as error:
            raise SandboxUnavailable("the box has no identity that the session pool could know") from error

    async def close(self) -> None:
        """Close connections."""
        if self._credential is not None:
            await self._credential.close()


class SessionPool:
    """Calls to one pool. Every call names a session, which comes into being with the first."""

    def __init__(self, endpoint: str, token: Token, *, patience: float = 30.0):
        self._endpoint, self._token, self._patience = endpoint.rstrip("/"), token, patience
        self._client: AsyncClient | None = None
        self._identity: Identity | None = None

    @classmethod
    def for_identity(cls, endpoint: str, client_id: str) -> SessionPool:
        """The pool, asked in the name of the box's managed identity."""
        identity = Identity(client_id)
        pool = cls(endpoint, identity.token)
        pool._identity = identity
        return pool

    async def execute(self, session: str, code: str, seconds: int) -> Json:
        """Run code; the service's `properties`. Not repeated when it may have run already."""
        properties = {
            "codeInputType": "inline",
            "executionType": "synchronous",
            "code": code,
            "timeoutInSeconds": seconds,
        }
        answer = await self._call("POST", "/code/execute", session, again=False, json={"properties": properties})
        body = _object(answer)
        found: Json = body.get("properties") or body
        return found

    async def upload(self, session: str, name: str, file: BinaryIO) -> None:
        """Store a file. Raises FileRefused."""
        await self._call("POST", "/files/upload", session, again=True, upload=(name, file))

    async def files(self, session: str) -> dict[str, int]:
        """Name -> size of the files in the data folder."""
        answer = await self._call("GET", "/files", session, again=True)
        entries = [entry.get("properties") or entry for entry in _object(answer).get("value") or []]
        # A folder has no size.
        return {entry["filename"]: entry["size"] for entry in entries if isinstance(entry.get("size"), int)}

    @asynccontextmanager
    async def content(self, session: str, name: str) -> AsyncIterator[Response]:
        """A file, to be read in pieces. Raises FileMissing."""
        from httpx2 import HTTPError

        client = await self._opened()
        try:
            request = client.build_request(
                "GET",
                self._url(f"/files/content/{_quoted(name)}"),
                params=_query(session),
                headers=await self._headers(),
            )
            answer = await client.send(request, stream=True)
            try:
                if answer.status_code == _MISSING:
                    raise FileMissing(f"{name} is not a file in /mnt/data")
                if answer.is_error:
                    raise _error(answer.status_code)
                yield answer
            finally:
                await answer.aclose()
        except HTTPError as error:
            raise SandboxUnavailable(f"the session pool did not answer: {type(error).__name__}") from error

    async def delete(self, session: str) -> None:
        """End a session; one that is not there is no error."""
        await self._call("DELETE", "/session", session, again=True, version=DELETE_VERSION, missing_is_fine=True)

    async def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            await self._client.aclose()
        if self._identity is not None:
            await self._identity.close()

    async def _call(
        self,
        method: str,
        path: str,
        session: str,
        *,
        again: bool,
        version: str = VERSION,
        json: Json | None = None,
        upload: tuple[str, BinaryIO] | None = None,
        missing_is_fine: bool = False,
    ) -> Response:
        """One answer that is no error, within our patience. `again`: the call may be repeated though it arrived."""
        from httpx2 import ConnectError, ConnectTimeout, HTTPError

        deadline = asyncio.get_running_loop().time() + self._patience
        for failures in count(1):
            waited = 0.0
            try:
                answer = await self._sent(method, path, _query(session, version), json, upload)
            except HTTPError as error:
                failure: SandboxError = SandboxUnavailable(f"the session pool did not answer: {type(error).__name__}")
                passing = again or isinstance(error, ConnectError | ConnectTimeout)
            else:
                status = answer.status_code
                if not answer.is_error or (missing_is_fine and status == _MISSING):
                    return answer
                failure = _error(status)
                # A missing session means that the pool is full: sessions are made on demand.
                passing = status in (_MISSING, _TOO_MANY, _UNAVAILABLE) or (again and status >= _SERVER_ERROR)
                waited = _retry_after(answer.headers.get("retry-after"))
            pause = max(_BACKOFF.delay(failures), min(waited, _BACKOFF.longest))
            if not passing or asyncio.get_running_loop().time() + pause > deadline:
                raise failure
            logger.info("session pool asked again", extra={"action": "sandbox_retry", "reason": str(failure)})
            await asyncio.sleep(pause)
        raise AssertionError

    async def _sent(
        self, method: str, path: str, query: dict[str, str], json: Json | None, upload: tuple[str, BinaryIO] | None
    ) -> Response:
        client, files = await self._opened(), None
        if upload is not None:
            name, file = upload
            file.seek(0)
            files = {"file": (name, file, "application/octet-stream")}
        headers = await self._headers()
        return await client.request(method, self._url(path), params=query, headers=headers, json=json, files=files)

    async def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self._token()}"}

    def _url(self, path: str) -> str:
        return self._endpoint + path

    async def _opened(self) -> AsyncClient:
        if self._client is None:
            from httpx2 import Timeout

            from shared.whole_answers import WholeAnswers

            self._client = WholeAnswers(timeout=Timeout(_HTTP_SECONDS, connect=_CONNECT_SECONDS), trust_env=False)
        return self._client


def _object(answer: Response) -> Json:
    """The JSON object in an answer. Raises SandboxUnavailable."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise SandboxUnavailable("the session pool's answer is not the one of a session pool")
    return body


def _query(session: str, version: str = VERSION) -> dict[str, str]:
    return {"api-version": version, "identifier": session}


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _retry_after(value: str | None) -> float:
    return float(value) if value is not None and value.isdigit() else 0.0


def _error(status: int) -> SandboxError:
    """What a status of the service means to a caller of ours."""
    if status in _REFUSED:
        return SandboxUnavailable(
            "the session pool refuses this identity: it needs the role Azure ContainerApps Session Executor on the pool"
        )
    if status in (_MISSING, _TOO_MANY):
        return SandboxBusy("The code interpreter is busy: every session of the pool is in use. Try again later.")
    if status == _TOO_LARGE:
        return FileRefused("the file is too large for the code interpreter")
    return SandboxUnavailable(f"the session pool answered with status {status}")
