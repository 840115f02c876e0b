"""The requests that make and change messages, and the content and attachments in them."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, Tag, model_validator

from shared import web_address
from shared.json_types import Json
from shared.objects.bounds import AtMost
from shared.objects.common import MetadataIn, OneOfKinds, RequestBody
from shared.objects.message import text_part
from shared.objects.parse import BY_SHAPE, rejected
from shared.objects.pictures import is_data_url
from shared.objects.tools.foundry_resources import DataSource
from shared.objects.tools.kind import ToolKind
from shared.objects.tools.tools import CodeInterpreterTool

#: Content parts of a message.
MAX_PARTS: Final = 500

LongText = Annotated[str, AtMost(256_000)]
#: `data:`, a type with parameters, a comma.
DATA_URL: Final = re.compile(r"data:[A-Za-z0-9!#$&^_.+/=;\-\"]{0,256},", re.IGNORECASE)
#: Characters of an address.
LONGEST_URL: Final = 8192
#: Also what parsers drop from the edges or the middle of a URL.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]|^\s")
Detail = Literal["auto", "low", "high"]


class PartKind(OneOfKinds):
    """A part of a message's content."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text", "image_file", "image_url"})


class TextPart(PartKind):
    """Text: a string coming in, an object with annotations going out."""

    type: Literal["text"]
    text: LongText

    def to_json(self) -> Json:
        """The part as answered."""
        return text_part(self.text)


class ImageFileRef(RequestBody):
    """An uploaded image by its file's id."""

    file_id: str
    detail: Detail | None = None


class ImageFilePart(PartKind):
    """An uploaded image as content."""

    type: Literal["image_file"]
    image_file: ImageFileRef

    def to_json(self) -> Json:
        """The part as answered."""
        image = {"file_id": self.image_file.file_id, "detail": self.image_file.detail or "auto"}
        return {"type": self.type, "image_file": image}


def _of_the_web(url: str) -> str:
    """Whoever runs the model fetches it: nothing but web addresses and data may get there."""
    if DATA_URL.match(url) is None and not _is_web_address(url):
        raise rejected(
            "Invalid '{path}'. Expected a valid URL, but got a value with an invalid format.", "invalid_value"
        )
    return url


def _is_web_address(url: str) -> bool:
    return len(url) <= LONGEST_URL and CONTROL.search(url) is None and web_address.parts_of(url) is not None


class ImageUrlRef(RequestBody):
    """An image on the web, or a data URL."""

    url: Annotated[str, StringConstraints(min_length=1), AfterValidator(_of_the_web)]
    detail: Detail | None = None


class ImageUrlPart(PartKind):
    """An image on the web as content."""

    type: Literal["image_url"]
    image_url: ImageUrlRef

    def to_json(self) -> Json:
        """The part as answered."""
        return {"type": self.type, "image_url": {"url": self.image_url.url, "detail": self.image_url.detail or "auto"}}


ContentPart = Annotated[
    Annotated[ImageFilePart, Tag("(=image_file)")]
    | Annotated[ImageUrlPart, Tag("(=image_url)")]
    | Annotated[TextPart, Tag("(=text)")],
    BY_SHAPE,
]

Content = Annotated[
    Annotated[LongText, Tag("(a string)")]
    | Annotated[list[ContentPart], Field(min_length=1), AtMost(MAX_PARTS), Tag("(an array)")],
    BY_SHAPE,
]


class FileSearchAttachment(ToolKind):
    """File search as the use of an attachment; it has no settings there."""

    type: Literal["file_search"]


AttachmentTool = Annotated[
    Annotated[CodeInterpreterTool, Tag("(=code_interpreter)")] | Annotated[FileSearchAttachment, Tag("(=file_search)")],
    BY_SHAPE,
]


class Attachment(RequestBody):
    """A file for tools, sent along with a message; SDKs of Foundry may name it as the asset of a `data_source`."""

    file_id: str
    data_source: DataSource | None = None
    tools: Annotated[list[AttachmentTool], AtMost(20)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _file_of_its_source(cls, value: object) -> object:
        """An asset is a file of this box by its id, or nothing that the box can read: who adds the message looks."""
        source = value.get("data_source") if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(source, dict) and value.get("file_id") is None:
            asset = source.get("uri")
            return value | {"file_id": asset if isinstance(asset, str) else ""}
        return value

    @model_validator(mode="after")
    def _names_one_file(self) -> Attachment:
        if self.data_source is not None and self.data_source.uri != self.file_id:
            raise rejected("Invalid '{path}': 'file_id' and 'data_source' name two files.", "invalid_value")
        return self

    def to_json(self) -> Json:
        """The attachment as answered: as it was sent, with the file's id."""
        answer: Json = {"file_id": self.file_id}
        if self.data_source is not None:
            answer["data_source"] = self.data_source.model_dump()
        if "tools" in self.model_fields_set:
            answer["tools"] = None if self.tools is None else [{"type": tool.type} for tool in self.tools]
        return answer


class CreateMessage(RequestBody):
    """The body of POST /threads/{id}/messages, and each message of a new thread or run."""

    role: Literal["user", "assistant"]
    content: Content
    attachments: Annotated[list[Attachment], AtMost(500)] | None = None
    metadata: MetadataIn | None = None

    def content_json(self) -> list[Json]:
        """The content as answered: a list of parts, of which a plain string makes one."""
        if isinstance(self.content, str):
            return [text_part(self.content)]
        return [part.to_json() for part in self.content]

    def attachments_json(self) -> list[Json]:
        """The attachments as answered."""
        return [attachment.to_json() for attachment in self.attachments or ()]

    def shown_files(self) -> dict[str, str]:
        """Files the content shows, by the path at which they stand."""
        if isinstance(self.content, str):
            return {}
        return {
            f"content[{index}].image_file.file_id": part.image_file.file_id
            for index, part in enumerate(self.content)
            if isinstance(part, ImageFilePart)
        }

    def shown_data(self) -> dict[str, str]:
        """Data URLs the content shows, by the path at which they stand."""
        if isinstance(self.content, str):
            return {}
        return {
            f"content[{index}].image_url.url": part.image_url.url
            for index, part in enumerate(self.content)
            if isinstance(part, ImageUrlPart) and is_data_url(part.image_url.url)
        }

    def attached_files(self) -> dict[str, str]:
        """Files attached to it, by the path at which they stand."""
        return {
            f"attachments[{index}].{'file_id' if each.data_source is None else 'data_source'}": each.file_id
            for index, each in enumerate(self.attachments or ())
        }

    def attached_to(self, tool: str) -> list[str]:
        """Files attached for a tool, in order and without repetition."""
        return list(
            dict.fromkeys(
                attachment.file_id
                for attachment in self.attachments or ()
                if any(each.type == tool for each in attachment.tools or ())
            )
        )


class ModifyMessage(RequestBody):
    """The body of POST /threads/{id}/messages/{id}."""

    metadata: MetadataIn | None = None
