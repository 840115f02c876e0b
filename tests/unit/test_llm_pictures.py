"""A picture the provider refuses: of the newest message it ends the run by name, of an earlier one it is left out."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from shared.llm.base import LlmError, TurnRequest
from shared.llm.responses import ResponsesLlm
from tests.fakes.responses_events import FakeTurn
from tests.fakes.responses_server import FakeResponses

RAIN = FakeTurn(text=("Rain.",))
LINK = "https://example.org/a.png?sig=secret"
OTHER_LINK = "https://example.org/b.png"
DATA = "data:image/png;base64,iVBORw0KGgo="
DEAD = FakeTurn(
    status=400,
    message=f"Error while downloading {LINK}. Upstream status code: 403.",
    param="url",
    code="invalid_value",
)
INVALID = FakeTurn(
    status=400, message="The image data you provided does not represent a valid image.", code="invalid_image"
)
ANSWER: dict[str, Any] = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "OK."}]}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "1"}


@pytest.fixture
async def fake() -> FakeResponses:
    return FakeResponses(default=RAIN)


async def ask(llm: ResponsesLlm, *items: dict[str, Any]) -> str:
    request = TurnRequest(model="m", instructions="", input=list(items))
    async with aclosing(llm.stream(request, time.time() + 20)) as events:
        turn = [event async for event in events][-1].turn
    return turn.items[-1]["content"][0]["text"]


def said(*parts: str | dict[str, Any]) -> dict[str, Any]:
    content = [{"type": "input_text", "text": each} if isinstance(each, str) else each for each in parts]
    return {"type": "message", "role": "user", "content": content}


def shown(url: str, name: str | None = None) -> dict[str, Any]:
    part = {"type": "input_image", "image_url": url, "detail": "auto"}
    return part if name is None else part | {"name": name}


def pictures_in(body: dict[str, Any]) -> list[str]:
    parts = [part for item in body["input"] for part in item.get("content", ()) if isinstance(part, dict)]
    return [part["image_url"] for part in parts if part["type"] == "input_image"]


async def test_names_of_pictures_are_not_sent(fake, llm):
    await ask(llm, said("see", shown(DATA, "file-abc")))
    assert fake.bodies[0]["input"][0]["content"][1] == shown(DATA)


async def test_a_dead_link_of_an_earlier_message_is_left_out_with_a_word(fake, llm):
    fake.script(DEAD)
    assert await ask(llm, said("see", shown(LINK), shown(OTHER_LINK)), ANSWER, said("and now?")) == "Rain."
    assert pictures_in(fake.bodies[1]) == [OTHER_LINK]
    note = fake.bodies[1]["input"][0]["content"][1]["text"]
    assert note == "(the picture example.org/a.png was left out: the model could not take it)"


async def test_a_thread_whose_run_a_picture_has_failed_goes_on_with_the_next_message(fake, llm):
    fake.script(DEAD)
    assert await ask(llm, said("see", shown(LINK)), said("Never mind. And now?")) == "Rain."
    assert pictures_in(fake.bodies[1]) == []


async def test_what_is_left_out_of_one_turn_is_shown_in_the_next(fake, llm):
    fake.script(DEAD)
    thread = [said("see", shown(LINK)), ANSWER, said("and now?")]
    await ask(llm, *thread)
    await ask(llm, *thread)
    assert [pictures_in(body) for body in fake.bodies] == [[LINK], [], [LINK]]


@pytest.mark.parametrize("refusal", [DEAD, INVALID, FakeTurn(failed="failed_to_download_image")])
async def test_a_picture_of_this_message_is_named(fake, llm, refusal):
    fake.script(refusal)
    with pytest.raises(LlmError) as caught:
        await ask(llm, said("Hello"), ANSWER, said("see"), said(shown(LINK)))
    assert caught.value.code == "invalid_prompt"
    assert caught.value.message.startswith("The model's provider refused the picture example.org/a.png: ")
    assert "secret" not in caught.value.message
    assert fake.requests == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"),
        (400, "image URLs are not currently supported, please use base64 encoded data instead"),
        (400, "llama-3 is not a multimodal model"),
        (400, "At most 0 image(s) may be provided in one prompt."),
    ],
    ids=["llama.cpp", "Ollama", "vLLM", "vLLM, none"],
)
async def test_a_model_that_sees_nothing_says_so_once(fake, llm, status, words):
    fake.default = FakeTurn(status=status, message=words)
    with pytest.raises(LlmError, match=r"refused the picture file-abc: ") as caught:
        await ask(llm, said("see", shown(DATA, "file-abc")))
    assert (caught.value.code, fake.requests) == ("invalid_prompt", 1)


async def test_a_file_is_named_by_its_id(fake, llm):
    fake.script(INVALID)
    with pytest.raises(LlmError, match=r"refused the picture file-abc: The image data you provided does not"):
        await ask(llm, said("see", shown(DATA, "file-abc")))


async def test_this_message_stays_this_message_while_tools_are_called(fake, llm):
    fake.script(INVALID)
    with pytest.raises(LlmError, match="file-abc"):
        await ask(llm, said("Hello"), ANSWER, said("see", shown(DATA, "file-abc")), CALL, OUTPUT)


async def test_when_nothing_is_pointed_at_all_earlier_ones_go(fake, llm):
    fake.script(INVALID)
    thread = [said(shown(LINK)), ANSWER, said(shown(OTHER_LINK)), ANSWER, said("see", shown(DATA))]
    assert await ask(llm, *thread) == "Rain."
    assert pictures_in(fake.bodies[1]) == [DATA]


async def test_a_picture_is_known_by_its_place(fake, llm):
    fake.script(replace(INVALID, param="input[2].content[0].image_url"))
    thread = [said(shown(LINK)), ANSWER, said(shown(OTHER_LINK)), ANSWER, said("see", shown(DATA))]
    assert await ask(llm, *thread) == "Rain."
    assert pictures_in(fake.bodies[1]) == [LINK, DATA]


async def test_many_dead_links_cost_two_requests_more(fake, llm):
    fake.script(DEAD, replace(DEAD, message=DEAD.message.replace(LINK, OTHER_LINK)))
    thread = [said(*(shown(url) for url in (LINK, OTHER_LINK, f"{OTHER_LINK}?c"))), ANSWER, said("and now?")]
    assert await ask(llm, *thread) == "Rain."
    assert [len(pictures_in(body)) for body in fake.bodies] == [3, 2, 0]


async def test_a_provider_that_goes_on_refusing_is_believed(fake, llm):
    fake.default = INVALID
    with pytest.raises(LlmError, match="refused a picture: The image data"):
        await ask(llm, said(shown(LINK)), ANSWER, said("and now?"))
    assert fake.requests == 2


@pytest.mark.parametrize(
    "code",
    [
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "invalid_image_url",
        "image_too_large",
        "image_too_small",
        "image_parse_error",
        "image_content_policy_violation",
        "invalid_image_mode",
        "image_file_too_large",
        "unsupported_image_media_type",
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
    ],
)
@pytest.mark.parametrize("how", ["status", "failed"])
async def test_the_provider_has_many_codes_for_it(fake, llm, code, how):
    fake.script(FakeTurn(failed=code) if how == "failed" else FakeTurn(status=400, code=code, message="No."))
    assert await ask(llm, said(shown(LINK)), ANSWER, said("and now?")) == "Rain."


async def test_a_schema_that_speaks_of_images_is_no_picture(fake, llm):
    message = "Invalid schema for function 'draw': In context=('properties', 'invalid image'), 'not' is not permitted."
    fake.script(FakeTurn(status=400, message=message, param="tools[0].parameters", code="invalid_function_parameters"))
    with pytest.raises(LlmError, match="'not' is not permitted"):
        await ask(llm, said(shown(LINK)), ANSWER, said("and now?"))
    assert fake.requests == 1


async def test_a_background_turn_tells_of_its_picture_at_the_poll(fake, llm):
    fake.script(FakeTurn(failed="invalid_image", message="Cannot be read."))
    request = TurnRequest(model="m", instructions="", input=[said(shown(DATA))])
    response_id = await llm.start(request, "key", time.time() + 20)
    with pytest.raises(LlmError, match=r"refused a picture: Cannot be read\.") as caught:
        await llm.poll(response_id)
    assert caught.value.code == "invalid_prompt"
