"""Tools, their resources and the choices about them, as requested; `to_json` gives what is stored and answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, StringConstraints, Tag, model_validator

from shared.json_types import Json
from shared.objects.bounds import AtMost
from shared.objects.common import MetadataIn, OneOfKinds, RequestBody, SchemaIn
from shared.objects.parse import BY_SHAPE, rejected
from shared.objects.schema_rules import malformed, not_an_object, not_strict

MAX_TOOLS: Final = 128
DEFAULT_RANKER: Final = "default_2024_08_21"

#: Names of functions and of response schemas.
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]


class ToolKind(OneOfKinds):
    """A tool, or the choice of one."""

    kinds: ClassVar[frozenset[str]] = frozenset({"code_interpreter", "file_search", "function"})


class CodeInterpreterTool(ToolKind):
    """The code interpreter: the model writes Python, the box runs it in a sandbox."""

    type: Literal["code_interpreter"]

    def to_json(self) -> Json:
        """The tool as stored and answered."""
        return {"type": self.type}


class RankingOptions(RequestBody):
    """How file search ranks; `hybrid_search` is only there because answers carry it and clients send them back."""

    ranker: Literal["auto", "default_2024_08_21"] | None = None
    score_threshold: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    hybrid_search: None = None


class FileSearchOverrides(RequestBody):
    """Settings of the file search tool."""

    max_num_results: Annotated[int, Field(ge=1, le=50)] | None = None
    ranking_options: RankingOptions | None = None


class FileSearchTool(ToolKind):
    """File search, with its overrides."""

    type: Literal["file_search"]
    file_search: FileSearchOverrides | None = None

    def to_json(self) -> Json:
        """The tool as answered: ranking options are always there."""
        overrides = self.file_search or FileSearchOverrides()
        ranking = overrides.ranking_options or RankingOptions()
        settings: Json = {}
        if overrides.max_num_results is not None:
            settings["max_num_results"] = overrides.max_num_results
        settings["ranking_options"] = {
            "ranker": ranking.ranker or DEFAULT_RANKER,
            "score_threshold": ranking.score_threshold or 0.0,
            "hybrid_search": None,
        }
        return {"type": self.type, "file_search": settings}


class FunctionDefinition(RequestBody):
    """A function the model may call."""

    name: Name
    description: str | None = None
    parameters: SchemaIn | None = None
    strict: bool | None = None

    @model_validator(mode="after")
    def _parameters_describe_an_object(self) -> FunctionDefinition:
        schema = self.parameters or {}
        fault = not_an_object(schema) or malformed(schema) or (not_strict(schema) if self.strict else None)
        if fault is not None:
            text = f"Invalid schema for function '{self.name}': {fault}"
            raise rejected(text, "invalid_function_parameters", "parameters")
        return self


class FunctionTool(ToolKind):
    """A function that the client runs, or the box if it has one of that name and the run allows it."""

    type: Literal["function"]
    function: FunctionDefinition

    def to_json(self) -> Json:
        """The tool as answered: `parameters` and `strict` are always there."""
        function: Json = {"name": self.function.name}
        if self.function.description is not None:
            function["description"] = self.function.description
        no_parameters = {"type": "object", "properties": {}}
        function["parameters"] = no_parameters if self.function.parameters is None else self.function.parameters
        function["strict"] = self.function.strict or False
        return {"type": self.type, "function": function}


Tool = Annotated[
    Annotated[CodeInterpreterTool, Tag("(=code_interpreter)")]
    | Annotated[FileSearchTool, Tag("(=file_search)")]
    | Annotated[FunctionTool, Tag("(=function)")],
    BY_SHAPE,
]


def tools_json(tools: Sequence[CodeInterpreterTool | FileSearchTool | FunctionTool] | None) -> list[Json]:
    """The tools as answered; none for null."""
    return [tool.to_json() for tool in tools or ()]


class CodeInterpreterResources(RequestBody):
    """Files for the code interpreter."""

    file_ids: Annotated[list[str], AtMost(20)] | None = None


class FileSearchResources(RequestBody):
    """The vector store to search."""

    vector_store_ids: Annotated[list[str], AtMost(1)] | None = None


class ToolResources(RequestBody):
    """Resources of an existing object, or of a run."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: FileSearchResources | None = None


class StaticChunks(RequestBody):
    """Sizes of a static chunking strategy, in tokens."""

    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _overlap_is_at_most_half(self) -> StaticChunks:
        if self.chunk_overlap_tokens * 2 > self.max_chunk_size_tokens:
            text = "Invalid '{path}': must be at most half of 'max_chunk_size_tokens'."
            raise rejected(text, "invalid_value", "chunk_overlap_tokens")
        return self


class ChunkingKind(OneOfKinds):
    """How a file is cut into chunks for a vector store: `auto` or `static`."""

    kinds: ClassVar[frozenset[str]] = frozenset({"static"})


class AutoChunking(ChunkingKind):
    """The default chunking strategy."""

    type: Literal["auto"]


class StaticChunking(ChunkingKind):
    """A chunking strategy with given sizes."""

    type: Literal["static"]
    static: StaticChunks


ChunkingStrategy = Annotated[
    Annotated[AutoChunking, Tag("(=auto)")] | Annotated[StaticChunking, Tag("(=static)")], BY_SHAPE
]


class NewVectorStore(RequestBody):
    """A vector store to be created along with an assistant or thread."""

    file_ids: Annotated[list[str], AtMost(10_000)] | None = None
    chunking_strategy: ChunkingStrategy | None = None
    metadata: MetadataIn | None = None


class NewFileSearchResources(FileSearchResources):
    """The vector store to search: one that exists, or one to create."""

    vector_stores: Annotated[list[NewVectorStore], AtMost(1)] | None = None

    @model_validator(mode="after")
    def _one_way_only(self) -> NewFileSearchResources:
        if self.vector_store_ids and self.vector_stores:
            text = "Invalid '{path}': only one of 'vector_store_ids' and 'vector_stores' can be provided."
            raise rejected(text, "invalid_value")
        return self


class NewToolResources(RequestBody):
    """Resources of an object being created."""

    code_interpreter: CodeInterpreterResources | None = None
    file_search: NewFileSearchResources | None = None


class FunctionName(RequestBody):
    """A function by its name, as `tool_choice` has it."""

    name: Name


class FunctionChoice(ToolKind):
    """The model must call this function."""

    type: Literal["function"]
    function: FunctionName


class CodeInterpreterChoice(ToolKind):
    """The model must use the code interpreter."""

    type: Literal["code_interpreter"]


class FileSearchChoice(ToolKind):
    """The model must use file search."""

    type: Literal["file_search"]


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("(a string)")]
    | Annotated[FunctionChoice, Tag("(=function)")]
    | Annotated[CodeInterpreterChoice, Tag("(=code_interpreter)")]
    | Annotated[FileSearchChoice, Tag("(=file_search)")],
    BY_SHAPE,
]


class FormatKind(OneOfKinds):
    """What the model's answer must be: text, any JSON object, or JSON of a schema."""

    kinds: ClassVar[frozenset[str]] = frozenset({"json_schema"})


class TextFormat(FormatKind):
    """The answer is plain text."""

    type: Literal["text"]


class JsonObjectFormat(FormatKind):
    """The answer is a JSON object, of no given schema."""

    type: Literal["json_object"]


class JsonSchema(RequestBody):
    """The schema of a structured answer."""

    name: Name
    description: str | None = None
    schema_: Annotated[SchemaIn | None, Field(alias="schema")] = None
    strict: bool | None = None

    @model_validator(mode="after")
    def _strict_mode_takes_it(self) -> JsonSchema:
        schema = self.schema_ or {}
        fault = not_an_object(schema) or malformed(schema) or not_strict(schema) if self.strict else None
        if fault is not None:
            text = f"Invalid schema for response_format '{self.name}': {fault}"
            raise rejected(text, "invalid_json_schema", "schema")
        return self


class JsonSchemaFormat(FormatKind):
    """JSON that follows a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat = Annotated[
    Annotated[Literal["auto"], Tag("(a string)")]
    | Annotated[TextFormat, Tag("(=text)")]
    | Annotated[JsonObjectFormat, Tag("(=json_object)")]
    | Annotated[JsonSchemaFormat, Tag("(=json_schema)")],
    BY_SHAPE,
]


def choice_json(value: str | RequestBody | None) -> Any:
    """A tool choice or response format as answered: what was sent, `auto` by default."""
    if isinstance(value, RequestBody):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return "auto" if value is None else value
