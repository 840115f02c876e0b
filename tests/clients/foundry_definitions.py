"""Whatever the classes of azure-ai-agents can say of tools and their resources comes back as it was sent.

    python foundry_definitions.py VERSION ENDPOINT KEY

What is generated follows the annotations of the installed version's own models; a line for each class that was kept.
"""

from __future__ import annotations

import enum
import inspect
import sys
import types
import typing
from typing import Any, Literal, Union

from azure.ai.agents import AgentsClient, _types, _version, models
from azure.ai.agents.models import _models
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

VERSION, ENDPOINT, KEY = sys.argv[1:]
assert _version.VERSION == VERSION
EXAMPLES = 8

NAMESPACE = {**vars(_models), "_models": models, "_types": _types}
vars(_types).setdefault("_models", models)

NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
OBJECTS = st.dictionaries(st.text(max_size=10), VALUES | st.lists(VALUES, max_size=3), max_size=3)
SCHEMAS = st.dictionaries(NAMES, st.sampled_from([{"type": "string"}, {"type": "integer"}, {}]), max_size=3).map(
    lambda properties: {"type": "object", "properties": properties}
)
DOCUMENTS = OBJECTS.map(
    lambda more: {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}, "x-more": more}
)
#: What annotations do not say: class and member (or any class's) -> what is allowed.
KNOWN: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("FunctionDefinition", "name"): NAMES,
    ("FunctionDefinition", "parameters"): SCHEMAS,
    ("OpenApiFunctionDefinition", "spec"): DOCUMENTS,
    # The SDK reads it and never sends it.
    ("OpenApiFunctionDefinition", "functions"): st.nothing(),
    ("FileSearchToolDefinitionDetails", "max_num_results"): st.integers(1, 50),
    ("FileSearchRankingOptions", "ranker"): st.sampled_from(["auto", "default_2024_08_21"]),
    ("FileSearchRankingOptions", "score_threshold"): st.floats(0, 1),
    # Files and stores must be there, and headers are secrets.
    ("CodeInterpreterToolResource", "file_ids"): st.just([]),
    ("FileSearchToolResource", "vector_store_ids"): st.nothing(),
    ("MCPToolResource", "headers"): st.just({}),
    ("MCPToolResource", "require_approval"): st.sampled_from(["always", "never"]),
}


def instances(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a model's class, or of the classes below it that are told apart by their type."""
    below = [each for each in (getattr(kind, "__mapping__", None) or {}).values() if issubclass(each, kind)]
    if below and kind not in below:
        return st.one_of([instances(each) for each in below])
    required, optional = {}, {}
    for name, hint in typing.get_type_hints(kind, NAMESPACE).items():
        if name.startswith("_") or typing.get_origin(hint) is Literal:
            continue
        chosen = KNOWN.get((kind.__name__, name))
        values = of(hint) if chosen is None else chosen
        if values.is_empty:
            continue
        if type(None) in typing.get_args(hint):
            optional[name] = values
        else:
            required[name] = values
    return st.fixed_dictionaries(required, optional=optional).map(lambda members: kind(**members))


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation."""
    origin, arguments = typing.get_origin(hint), [each for each in typing.get_args(hint) if each is not type(None)]
    if origin in (Union, types.UnionType):
        closed = [each for each in arguments if inspect.isclass(each) and issubclass(each, enum.Enum)]
        return st.one_of([of(each) for each in closed or arguments])
    if origin is list:
        # A list of vector stores holds one.
        return st.lists(of(arguments[0]), max_size=1)
    if inspect.isclass(hint) and issubclass(hint, enum.Enum):
        return st.sampled_from([each.value for each in hint])
    simple = {str: st.text(max_size=30), int: st.integers(-(2**31), 2**31)}
    return simple[hint] if hint in simple else instances(hint)


agents = AgentsClient(
    endpoint=ENDPOINT,
    credential=AzureKeyCredential(KEY),
    authentication_policy=AzureKeyCredentialPolicy(AzureKeyCredential(KEY), "api-key"),
)
QUIET = {
    "max_examples": EXAMPLES,
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.too_slow],
    "phases": [Phase.generate],
}


def holds(sent: Any, kept: Any) -> bool:
    """Whether all that was sent came back; `function` and `file_search` gain their defaults."""
    if isinstance(sent, dict):
        return all(name in kept and holds(value, kept[name]) for name, value in sent.items())
    return bool(sent == kept)


def comes_back(kind: Any) -> None:
    @settings(**QUIET)
    @given(definition=instances(kind))
    def check(definition: Any) -> None:
        made = agents.create_agent(model="m", tools=[definition])
        gains = definition.type in ("function", "file_search")
        for agent in (agents.get_agent(made.id), agents.update_agent(made.id, tools=made.tools)):
            [kept] = agent.tools
            assert type(kept) is kind
            assert holds(definition.as_dict(), kept.as_dict()) if gains else kept == definition, (definition, kept)

    check()


@settings(**QUIET)
@given(resources=instances(models.ToolResources))
def resources_come_back(resources: Any) -> None:
    tools = [models.CodeInterpreterToolDefinition(), models.FileSearchToolDefinition()]
    agent = agents.create_agent(model="m", tools=tools, tool_resources=resources)
    thread = agents.threads.create(tool_resources=resources)
    sent = resources.as_dict()
    if not sent.get("file_search", {}).get("vector_stores"):
        sent.pop("file_search", None)
    for each in (agents.get_agent(agent.id), agents.threads.get(thread.id)):
        kept = {} if each.tool_resources is None else each.tool_resources.as_dict()
        assert holds(sent, kept), (sent, kept)


if __name__ == "__main__":
    for kind in models.ToolDefinition.__mapping__.values():
        comes_back(kind)
        print(kind.__name__)
    resources_come_back()
    print("the end")
