"""Names of telemetry: those of the conventions are as the pinned version has them, the rest are plainly ours."""

from __future__ import annotations

import re
from importlib.metadata import version

from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, openai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes
from opentelemetry.semconv.schemas import Schemas

from shared.telemetry import names

OPERATIONS = {each.value for each in gen_ai_attributes.GenAiOperationNameValues}


def values(module) -> set[str]:
    return {value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def test_the_version_is_the_installed_one():
    """Whoever takes a newer one compares the names, and says so in the table."""
    assert version("opentelemetry-semantic-conventions") == names.CONVENTIONS
    assert list(Schemas)[-1].value == names.SCHEMA_URL


def test_every_name_of_the_conventions_is_one():
    known = values(gen_ai_attributes) | values(openai_attributes) | values(error_attributes) | values(gen_ai_metrics)
    dotted = {value for value in values(names) if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", value)}
    assert {each for each in dotted if not each.startswith("box.")} <= known
    assert {names.INVOKE_AGENT, names.CHAT, names.EXECUTE_TOOL, names.RETRIEVAL} <= OPERATIONS


def test_no_two_things_have_one_name():
    found = [value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)]
    assert len(found) == len(set(found))
