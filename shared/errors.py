"""Errors that a client sees. Raised deep, translated once (api/errors.py). Texts: docs/contract.md, Errors.

ApiError                    any status; carries message, type, param and code, as the hosted API has them
├── InvalidRequest     400  the client's mistake
├── Unauthorized       401
├── Forbidden          403  a key that is known opens other routes
├── NotFoundError      404  the object does not exist, or belongs to somebody else
├── RateLimited        429  a budget of the box is used up, or too much comes at once
├── TryLater           503  something that the box needs is away for now; nothing was written
├── StorageAway        503  the storage does not answer, or refuses the box; whether anything was written is unknown
├── StorageBusy        503  others change the same thing again and again; nothing was written
├── StorageDamaged     503  what is stored, or the answer in which it came, cannot be read
├── StorageNewer       503  what is stored was written by a later version of the box
├── ProviderError      any  what the model's provider answered to a call that was passed on to it
└── ServerError        500  our fault; the message never tells why
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

#: Characters that a message quotes of what the client sent, which may be anything.
LONGEST_QUOTE: Final = 1000


class ApiError(Exception):
    """An error with the contract's four fields and its HTTP status."""

    status = 500
    type = "server_error"
    #: Headers of the answer, such as when to come back.
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int | None = None):
        super().__init__(message)
        self.message, self.param, self.code = message, param, code
        self.status = status or self.status

    def body(self) -> dict[str, dict[str, str | None]]:
        """The error envelope; all four keys are always there."""
        message, param = self.message[:LONGEST_QUOTE], self.param and self.param[:LONGEST_QUOTE]
        return {"error": {"message": message, "type": self.type, "param": param, "code": self.code}}


class InvalidRequest(ApiError):
    """The request cannot be carried out as it stands."""

    status = 400
    type = "invalid_request_error"


class Unauthorized(ApiError):
    """No API key or token came, or none that the settings let in."""

    status = 401
    type = "invalid_request_error"


class Forbidden(ApiError):
    """The credentials are valid, and open other routes than this one."""

    status = 403
    type = "invalid_request_error"


class NotFoundError(ApiError):
    """No such object for this owner."""

    status = 404
    type = "invalid_request_error"


class RateLimited(ApiError):
    """A budget of the box is used up, or too much comes at once; the headers say when to come back."""

    status = 429

    def __init__(self, message: str, type: str, code: str, headers: Mapping[str, str]):
        super().__init__(message, code=code)
        self.type, self.headers = type, headers


class TryLater(ApiError):
    """Something that the box needs is away for now; nothing of the request was carried out."""

    status = 503
    headers = MappingProxyType({"retry-after": "5", "x-should-retry": "true"})


class StorageAway(ApiError):
    """The storage does not answer, or not as it should; details are in the log under the request id."""

    status = 503
    headers = MappingProxyType({"retry-after": "5"})

    def __init__(self) -> None:
        words = "The storage of this box cannot be reached at the moment. Please try again later."
        super().__init__(words, code="storage_unavailable")


class StorageBusy(ApiError):
    """Whatever was tried, somebody else had written first."""

    status = 503
    headers = MappingProxyType({"retry-after": "1"})

    def __init__(self) -> None:
        words = "Too many requests change the same object at the moment. Please try again."
        super().__init__(words, code="storage_busy")


class StorageDamaged(ApiError):
    """A record that the request needs, or its data, is missing in part or is no record."""

    status = 503

    def __init__(self) -> None:
        super().__init__("What this request needs is damaged in the storage of this box.", code="storage_damaged")


class StorageNewer(ApiError):
    """A record that the request needs is left alone, since this version would misread it."""

    status = 503

    def __init__(self) -> None:
        words = "What this request needs was written by a later version of this box, which must be installed again."
        super().__init__(words, code="storage_newer")


class ServerError(ApiError):
    """An unexpected fault; details are in the log under the request id."""

    def __init__(self) -> None:
        super().__init__(
            "The server had an error processing your request. Sorry about that! You can retry your request."
        )


class ProviderError(ApiError):
    """The model's provider refused a call that was passed on to it, or could not be asked; without secrets."""

    def __init__(
        self,
        message: str,
        status: int,
        *,
        type: str | None = None,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ):
        super().__init__(message, param=param, code=code, status=status)
        self.type = type or ("server_error" if status >= 500 else "invalid_request_error")
        self.headers = headers


def not_found(kind: str, identifier: str) -> NotFoundError:
    """The 404 for an object of this owner; `kind` is the API's word for it, such as `run step`."""
    identifier = identifier[:LONGEST_QUOTE]
    if kind == "file":
        return NotFoundError(f"No such File object: {identifier}", param="id")
    return NotFoundError(f"No {kind} found with id '{identifier}'.")


def wrong_shape(param: str, value: str, prefix: str) -> InvalidRequest:
    """The 400 for a text that cannot be the id it should be; `prefix` comes without its `_` or `-`."""
    message = f"Invalid '{param}': '{value[:LONGEST_QUOTE]}'. Expected an ID that begins with '{prefix}'."
    return InvalidRequest(message, param=param, code="invalid_value")


def too_slow() -> InvalidRequest:
    """The 408 for a body that is still not there."""
    return InvalidRequest(
        "Your request timed out while its body was read. Send large files in parts: POST /v1/uploads.", status=408
    )


def too_large(limit: int, size: int) -> InvalidRequest:
    """The 413 for a body of `size` bytes at least where `limit` may come."""
    return InvalidRequest(f"Maximum content size limit ({limit}) exceeded ({size} bytes read)", status=413)
