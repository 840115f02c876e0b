"""Tools the box runs itself: a typed async function with a docstring becomes a function tool of the API.

The name, the description and the JSON schema come from the function; whatever goes wrong in a call becomes
a text for the model. When a tool may run, and whether it may run again, is the run engine's business.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema

from shared import json_text
from shared.json_types import Json
from shared.tools.values import as_json

logger = logging.getLogger(__name__)

#: An exception's message may quote a whole response; the model needs its beginning.
_LONGEST_REASON = 500
#: Characters that a model is told of what somebody else's server answers.
LONGEST_OUTPUT: Final = 50_000


#: Characters from which on a secret is looked for in what a server says.
SHORTEST_SECRET: Final = 6


class ToolFailure(Exception):
    """The call was not carried out; the message tells the model why."""


class Unanswered(ToolFailure):
    """Somebody who was asked gave no answer: what it was asked for may have been done."""


class NotTaken(ToolFailure):
    """Somebody's answer is larger than what is read, or compressed."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Who is calling. A tool sees it by declaring a parameter of this type; the model never does."""

    #: The model's call id: stable across crashes, but some model servers give it again in another turn of the run.
    call_id: str
    owner: str
    thread_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call, and how to call it."""

    name: str
    description: str
    #: JSON schema of the arguments.
    parameters: Json
    strict: bool
    #: True if running the same call twice does no harm.
    idempotent: bool
    #: Seconds until the call is given up.
    timeout: float
    arguments: type[BaseModel]
    call: Callable[..., Awaitable[object]]
    #: Name of the function's ToolContext parameter, if it has one.
    context_parameter: str | None
    #: Removes what calls of a run have left in the box's own folder.
    forget: Callable[[str], Awaitable[None]] | None = None

    def describe(self) -> Json:
        """The tool as an entry of an assistant's or run's `tools`."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
            "strict": self.strict,
        }
        return {"type": "function", "function": function}

    async def run(self, arguments_json: str, context: ToolContext) -> str:
        """Carry the call out and return the text for the model. Raises nothing but cancellation."""
        try:
            values = self._parse(arguments_json)
            if self.context_parameter is not None:
                values[self.context_parameter] = context
            async with asyncio.timeout(self.timeout):
                return _as_text(await self.call(**values))
        except ToolFailure as failure:
            reason = str(failure)
        except TimeoutError:
            reason = f"{self.name} did not finish within {self.timeout:g} seconds.{self._doubt()}"
        except Exception as error:
            extra = {"action": "tool_failed", "tool": self.name, "error": type(error).__name__}
            logger.warning("tool failed", extra=extra, exc_info=True)
            reason = f"{self.name} failed: {type(error).__name__}: {error}"[:_LONGEST_REASON] + self._doubt()
        return f"Error: {reason}"

    def _parse(self, arguments_json: str) -> Json:
        try:
            # Models send an empty string for a function without parameters.
            parsed = self.arguments.model_validate_json(arguments_json.strip() or "{}")
        except ValidationError as error:
            problems = (_problem(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors())
            raise ToolFailure(f"invalid arguments for {self.name}: {'; '.join(problems)}"[:_LONGEST_REASON]) from error
        return {name: getattr(parsed, name) for name in self.arguments.model_fields}

    def _doubt(self) -> str:
        if self.idempotent:
            return ""
        return " It is unknown whether it took effect: do not repeat it, tell the user."


#: Name -> tool, built by the composition root.
Toolbox = Mapping[str, Tool]


def arguments_object(arguments: str) -> Json:
    """The arguments that a model gives, of a call whose schema is somebody else's. Raises ToolFailure."""
    try:
        parsed = json_text.read(arguments.strip() or "{}")
    except ValueError as error:
        raise ToolFailure("the arguments are no JSON") from error
    if not isinstance(parsed, dict):
        raise ToolFailure("the arguments must be a JSON object")
    return parsed


def discreet(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets that a server was sent, should it say them; of `Bearer x` also without the x."""
    for value in secrets:
        for secret in (value, value.rpartition(" ")[2]):
            if len(secret) >= SHORTEST_SECRET:
                text = text.replace(secret, "[secret]")
    return text


def cut(text: str) -> str:
    """As much of an answer as a model is told."""
    return text if len(text) <= LONGEST_OUTPUT else f"{text[:LONGEST_OUTPUT]}\n[cut: {len(text)} characters]"


def toolbox(tools: Iterable[Tool]) -> Toolbox:
    """The tools by name; two of the same name are a mistake."""
    by_name: dict[str, Tool] = {}
    for each in tools:
        if each.name in by_name:
            raise ValueError(f"two tools are called {each.name}")
        by_name[each.name] = each
    return by_name


def tool(
    function: Callable[..., Awaitable[object]],
    *,
    idempotent: bool,
    timeout: float,
    strict: bool = False,
    forget: Callable[[str], Awaitable[None]] | None = None,
) -> Tool:
    """Make a tool of a typed async function; parameters are described by `Annotated[type, Field(description=...)]`."""
    name, description = getattr(function, "__name__", ""), inspect.getdoc(function)
    if description is None:
        raise ValueError(f"{name} needs a docstring: it tells the model what the tool does")
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    context_parameter = None
    for parameter in inspect.signature(function).parameters.values():
        if hints.get(parameter.name) is ToolContext:
            context_parameter = parameter.name
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    arguments = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    schema = arguments.model_json_schema(schema_generator=_UntitledSchema)
    del schema["title"]
    return Tool(
        name=name,
        description=description,
        parameters=schema,
        strict=strict,
        idempotent=idempotent,
        timeout=timeout,
        arguments=arguments,
        call=function,
        context_parameter=context_parameter,
        forget=forget,
    )


class _UntitledSchema(GenerateJsonSchema):
    """Titles repeat the names: they cost tokens and tell the model nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _problem(where: str, message: str) -> str:
    return f"{where}: {message}" if where else message


def _as_text(result: object) -> str:
    if isinstance(result, str):
        return result
    return as_json(result)
