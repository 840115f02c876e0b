"""The form fields that come with an uploaded file."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from shared.objects.common import RequestBody
from shared.objects.parse import rejected

PURPOSES: Final = ("fine-tune", "assistants", "batch", "user_data", "vision", "evals")


def _known(purpose: str) -> str:
    if purpose not in PURPOSES:
        raise rejected(f"'{purpose}' is not one of {[*PURPOSES]} - 'purpose'")
    return purpose


Purpose = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": [*PURPOSES]})]


class FileExpiresAfter(RequestBody):
    """When the file is deleted: an hour to 30 days, in seconds, after it was created."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2_592_000)]


class CreateFile(RequestBody):
    """The fields of POST /files next to the file itself."""

    purpose: Purpose
    expires_after: FileExpiresAfter | None = None
    #: Instead of the name in the part's header; Foundry's SDK says it.
    filename: str | None = None
