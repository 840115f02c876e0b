"""Every error becomes an answer here, in the one envelope."""

from __future__ import annotations

import logging
import re
from typing import Final

from starlette.responses import Response

from shared.api.answers import answer
from shared.blobs.base import BlobsUnavailable
from shared.deadline import Overdue
from shared.errors import ApiError, NotFoundError, ServerError, StorageAway, StorageBusy, StorageDamaged, StorageNewer
from shared.queue.base import QueueUnavailable
from shared.search.base import IndexUnavailable
from shared.store.base import Conflict, NewerFormat, Unavailable, UnreadableRecord

logger = logging.getLogger(__name__)

#: What else an `openai` client has, and neither the box nor, through it, the provider: what these make is stored there.
PROVIDERS_OWN: Final = re.compile(
    r"/(?:v1|openai(?:/v1|/deployments/[^/]+)?)/"
    r"(?:batches|chatkit|containers|conversations|evals|fine_tuning|live|realtime|skills|videos)(?:/.*)?"
)


def answer_error(error: Exception, method: str, request_id: str, *, repeatable: bool = False) -> Response:
    """The one place where errors become answers. What nobody foresaw is logged, and told to nobody.

    `repeatable`: whatever has happened, the request may be sent again.
    """
    if isinstance(error, ApiError):
        return answer(error.body(), error.status, dict(error.headers))
    if isinstance(error, Overdue):
        logger.error("request overdue", extra={"action": "request_overdue", "request_id": request_id})
    else:
        logger.error("request failed", extra={"action": "request_failed", "request_id": request_id}, exc_info=error)
    # Clients repeat what fails this way; after a conflict nothing was written, otherwise nobody knows.
    harmless = repeatable or method == "GET" or isinstance(error, Conflict)
    told = _told(error)
    return answer(told.body(), told.status, {**told.headers, "x-should-retry": "true" if harmless else "false"})


def _told(error: Exception) -> ApiError:
    """What a caller learns of an error that no use case has foreseen."""
    match error:
        case Unavailable() | BlobsUnavailable() | QueueUnavailable() | IndexUnavailable():
            return StorageAway()
        case NewerFormat():
            return StorageNewer()
        case UnreadableRecord():
            return StorageDamaged()
        case Conflict():
            return StorageBusy()
    return ServerError()


def invalid_url(method: str, path: str) -> NotFoundError:
    """The 404 for a path that leads nowhere, or not by this method: both are the same to clients."""
    hint = ": the box has no such calls, use a client of the model's provider" if PROVIDERS_OWN.fullmatch(path) else ""
    return NotFoundError(f"Invalid URL ({method} {path}){hint}")
