"""Blobs in one Azure container, which is created when it is missing."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any, Final, TypeVar
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from shared.azure.account import BACKOFF, retry
from shared.backoff import Backoff
from shared.blobs.base import BlobInfo, BlobNotFound, BlobsUnavailable, check_name, in_blocks

T = TypeVar("T")

#: Bytes sent or fetched in one request, and so held in memory.
BLOCK: Final = 4 * 1024 * 1024

#: The answer to a range that begins past the end.
OUT_OF_RANGE: Final = 416


class AzureBlobs:
    """A `Blobs` in a container."""

    def __init__(self, service: BlobServiceClient, container: str = "box", backoff: Backoff = BACKOFF) -> None:
        self._service, self._backoff = service, backoff
        self._container = service.get_container_client(container)

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> int:
        """Send a small blob at once, a large one in blocks that a last request joins."""
        blob = self._blob(name)
        upload, staged, size, held = uuid4().hex, list[BlobBlock](), 0, b""
        async for block in in_blocks(pieces, BLOCK):
            if held:
                staged.append(await self._stage(blob, f"{upload}{len(staged):06}", held))
            held = block
            size += len(block)
        if not staged:
            await self._writing(lambda: blob.upload_blob(held, overwrite=True))
        else:
            staged.append(await self._stage(blob, f"{upload}{len(staged):06}", held))
            await self._writing(lambda: blob.commit_block_list(staged))
        return size

    async def read(self, name: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Fetch range after range of the blob as it was at the first."""
        blob, etag = self._blob(name), None
        while end is None or start < end:
            length = BLOCK if end is None else min(BLOCK, end - start)
            piece, etag = await self._fetch(blob, start, length, etag)
            if piece:
                yield piece
            if len(piece) < length:
                return
            start += length

    async def delete(self, name: str) -> None:
        """Remove the blob; one that is not there is no error."""
        blob = self._blob(name)
        try:
            await self._mapped(blob.delete_blob)
        except BlobNotFound:
            return

    async def list(self, prefix: str) -> AsyncIterator[BlobInfo]:
        """The blobs whose names begin with `prefix`, asked for page after page."""
        pages = self._container.list_blobs(name_starts_with=prefix).by_page()
        while True:
            try:
                page = await self._mapped(lambda: anext(pages, None))
            except BlobNotFound:
                return  # a missing container is an empty one
            if page is None:
                return
            async for found in page:
                yield BlobInfo(found.name, found.size, int(found.last_modified.timestamp()))

    async def sweep(self, before: int) -> None:
        """Blocks that were never committed are removed by the service, after a week."""

    async def close(self) -> None:
        """Close the service's client."""
        await self._service.close()

    def _blob(self, name: str) -> BlobClient:
        check_name(name)
        return self._container.get_blob_client(name)

    async def _stage(self, blob: BlobClient, block_id: str, block: bytes) -> BlobBlock:
        await self._writing(lambda: blob.stage_block(block_id, block))
        return BlobBlock(block_id)

    async def _writing(self, call: Callable[[], Awaitable[object]]) -> None:
        """Make the call, and again after creating the container if that is missing."""
        try:
            await self._mapped(call)
        except BlobNotFound:
            await self._mapped(self._create_container)
            await self._mapped(call)

    async def _create_container(self) -> None:
        try:
            await self._container.create_container()
        except ResourceExistsError:
            return

    async def _fetch(self, blob: BlobClient, start: int, length: int, etag: str | None) -> tuple[bytes, str | None]:
        """One range, of the blob with that etag if one is given, and the etag."""
        same: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}

        async def fetch() -> tuple[bytes, str | None]:
            try:
                download = await blob.download_blob(start, length, **same)
                return await download.readall(), download.properties.etag
            except HttpResponseError as error:
                if error.status_code != OUT_OF_RANGE:
                    raise
                return b"", None

        return await self._mapped(fetch)

    async def _mapped(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await retry(call, self._backoff)
        except ResourceNotFoundError as error:
            raise BlobNotFound(str(error)) from error
        except AzureError as error:
            raise BlobsUnavailable(str(error)) from error
