"""A typed function becomes a tool; whatever happens in a call becomes a text."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

from shared.tools.base import Tool, ToolContext, ToolFailure, tool, toolbox
from tests.fakes.tool_context import CONTEXT


async def add(
    left: Annotated[int, Field(description="The first summand.")],
    right: Annotated[int, Field(description="The second summand.")] = 1,
) -> dict[str, int]:
    """Add two whole numbers."""
    return {"sum": left + right}


async def shout(text: str) -> str:
    """Say it louder."""
    return text.upper()


def made(function, **options) -> Tool:
    return tool(function, **{"idempotent": True, "timeout": 5} | options)


def test_a_tool_describes_itself_as_the_api_writes_functions():
    assert made(add).describe() == {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Add two whole numbers.",
            "parameters": {
                "type": "object",
                "properties": {
                    "left": {"type": "integer", "description": "The first summand."},
                    "right": {"type": "integer", "description": "The second summand.", "default": 1},
                },
                "required": ["left"],
                "additionalProperties": False,
            },
            "strict": False,
        },
    }


async def test_values_become_json_and_texts_stay_texts():
    assert json.loads(await made(add).run('{"left": 2}', CONTEXT)) == {"sum": 3}
    assert await made(shout).run('{"text": "grüezi"}', CONTEXT) == "GRÜEZI"


@dataclass
class Reading:
    """A value with a time."""

    at: object
    value: object


SALES = pd.DataFrame({"city": ["Basel", "Basel"], "year": [2025, 2026], "sold": [3, 4]})
SALES_BY_CITY = {"city": "Basel", "sold, min": 3, "sold, max": 4}
SALES_BY_YEAR = {"2025-01-01T00:00:00": 3, "2026-01-01T00:00:00": 4}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"v": pd.Series([1, 2]).sum()}, {"v": 3}),
        ([np.float32(1.5), np.bool_(True), np.longdouble(2.5)], [1.5, True, 2.5]),
        ({"n": np.int64(1), np.int64(2): 3}, {"n": 1, "2": 3}),
        (np.array([[1.0, np.nan], [np.inf, 4.0]]), [[1.0, None], [None, 4.0]]),
        ([pd.NA, pd.NaT, float("nan"), None], [None, None, None, None]),
        (pd.Series([1.5, None]), [1.5, None]),
        (pd.Series({"Basel": 1, "Bern": 2}), {"Basel": 1, "Bern": 2}),
        (pd.Series([1, 2], index=["a", "a"]), [1, 2]),
        (pd.to_datetime(pd.Series(["2026-01-02", None])), ["2026-01-02T00:00:00", None]),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pd.DataFrame({"a": [1]}, index=["x"]), {"index": ["x"], "columns": ["a"], "data": [[1]]}),
        (pd.Index([1, 2]), [1, 2]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        ([np.datetime64("2026-01-02"), np.datetime64("NaT", "D")], ["2026-01-02", None]),
        (np.array(["2026-01-02"], dtype="datetime64[ns]"), ["2026-01-02T00:00:00.000000000"]),
        ([pd.Timestamp("2026-01-02"), pd.Period("2026-01")], ["2026-01-02T00:00:00", "2026-01"]),
        (Reading(pd.NaT, np.int64(3)), {"at": None, "value": 3}),
        (SALES.groupby(["city", "year"])["sold"].sum(), {"Basel, 2025": 3, "Basel, 2026": 4}),
        (SALES.groupby("city").agg({"sold": ["min", "max"]}).reset_index(), [SALES_BY_CITY]),
        (SALES.groupby(pd.to_datetime(SALES["year"].astype(str)))["sold"].sum(), SALES_BY_YEAR),
        (SALES.groupby(pd.cut(SALES["sold"], [0, 3, 9]), observed=True)["sold"].count(), {"(0, 3]": 1, "(3, 9]": 1}),
        ({("Basel", 2025): 3, None: 4}, {"Basel, 2025": 3, "None": 4}),
        ([b"text", b"\xff\x00"], ["text", "\\xff\x00"]),
    ],
)
async def test_values_of_numpy_and_pandas_become_json(value, told):
    async def measure() -> object:
        """Measure."""
        return value

    output = await made(measure).run("", CONTEXT)
    assert json.loads(output, parse_constant=pytest.fail) == told


async def test_a_parameter_may_be_called_title():
    async def find(title: str) -> str:
        """Find a book."""
        return title

    assert made(find).parameters["properties"] == {"title": {"type": "string"}}


async def test_the_context_reaches_the_function_but_not_the_schema():
    async def whoami(context: ToolContext) -> str:
        """Say who is calling."""
        return f"{context.owner} {context.call_id}"

    assert made(whoami).parameters["properties"] == {}
    assert await made(whoami).run("", CONTEXT) == "alice call_1"
    assert (await made(whoami).run('{"context": {}}', CONTEXT)).startswith("Error: invalid arguments")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("{", "Invalid JSON"),
        ("[]", "object"),
        ("null", "object"),
        ("{}", "left: Field required"),
        ('{"left": "two"}', "left: Input should be a valid integer"),
        ('{"left": 1, "middle": 2}', "middle: Extra inputs are not permitted"),
        ('{"left": 1, "right": null}', "right"),
        ("[" * 100_000, "Invalid JSON"),
        ('{"left": "\\ud800"}', "Invalid JSON"),
    ],
)
async def test_bad_arguments_are_told_to_the_model(arguments, named):
    answer = await made(add).run(arguments, CONTEXT)
    assert answer.startswith("Error: invalid arguments for add: ")
    assert named in answer
    assert len(answer) < 600


async def test_a_refusal_is_told_in_the_tools_own_words():
    async def refuse() -> str:
        """Refuse."""
        raise ToolFailure("not today")

    assert await made(refuse).run("{}", CONTEXT) == "Error: not today"


async def crash() -> str:
    """Crash."""
    raise ValueError("x" * 9000)


async def hang() -> str:
    """Never return."""
    await asyncio.Event().wait()
    return ""


async def test_a_crash_is_told_briefly():
    answer = await made(crash).run("{}", CONTEXT)
    assert answer.startswith("Error: crash failed: ValueError: xxx")
    assert len(answer) < 600


async def test_a_call_ends_at_its_timeout():
    assert await made(hang, timeout=0.01).run("{}", CONTEXT) == "Error: hang did not finish within 0.01 seconds."


@pytest.mark.parametrize("function", [crash, hang])
async def test_a_failed_side_effect_is_never_called_undone(function):
    answer = await made(function, idempotent=False, timeout=0.01).run("{}", CONTEXT)
    assert answer.endswith("It is unknown whether it took effect: do not repeat it, tell the user.")


async def test_cancelling_a_call_cancels_it():
    call = asyncio.create_task(made(hang).run("{}", CONTEXT))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


def test_a_function_without_docstring_is_no_tool():
    async def silent() -> str:
        return ""

    with pytest.raises(ValueError, match="silent needs a docstring"):
        made(silent)


def test_a_toolbox_has_one_tool_per_name():
    assert list(toolbox([made(add), made(shout)])) == ["add", "shout"]
    with pytest.raises(ValueError, match="two tools are called add"):
        toolbox([made(add), made(add)])
