"""The estimate of tokens against a tokenizer, and what it says of pictures, tools and instructions."""

from __future__ import annotations

import base64
import struct
import time

import pytest

from bench import estimator
from shared.json_types import Json
from shared.objects.pictures import pixels
from shared.runs.prompt.estimate import ITEM_TOKENS, estimate_tokens, item_tokens, part_tokens, request_tokens
from shared.runs.prompt.tokens import text_tokens
from tests.clients.sdks import missing


@pytest.fixture(scope="module")
def rows() -> dict[str, estimator.Row]:
    if not estimator.PACKAGE.exists():
        missing("the tokenizer is not installed (make test-tools)")
    return {row.name: row for row in estimator.measure(estimator.texts())}


@pytest.mark.parametrize("name", [*estimator.LANGUAGES, "markdown", "code", "JSON", "base64", "tables, logs"])
def test_the_estimate_is_near_the_count_of_a_tokenizer(rows: dict[str, estimator.Row], name: str) -> None:
    row = rows[name]
    assert row.pieces > 0
    assert row.smallest >= estimator.LEAST
    assert row.largest <= estimator.LARGEST


def test_an_ideograph_is_a_token() -> None:
    assert text_tokens("字" * 1000) == 1000


def test_no_text_is_free_and_nothing_is_nothing() -> None:
    assert text_tokens("") == 0
    assert all(text_tokens(text) > 0 for text in ("a", "é", "я", "字", "1", "-", "😀", "\ud83d", "   \n"))


def test_a_text_of_one_letter_is_not_taken_for_one_word() -> None:
    assert text_tokens("a" * 100_000) > 10_000
    assert text_tokens(" " * 100_000) > 1_000


def test_a_megabyte_is_weighed_in_a_moment() -> None:
    text = "The ferry left the harbour ten minutes late. " * 22_000
    begun = time.process_time()
    text_tokens(text)
    assert time.process_time() - begun < 0.5


def png(width: int, height: int, size: int = 0) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + bytes(size)


def jpeg(width: int, height: int) -> bytes:
    by_the_camera = b"\xff\xe1" + struct.pack(">H", 3002) + bytes(3000)
    return b"\xff\xd8" + by_the_camera + b"\xff\xc2" + struct.pack(">HBHH", 17, 8, height, width) + bytes(12)


PICTURES = {
    "PNG": png(1024, 768),
    "GIF": b"GIF89a" + struct.pack("<HH", 1024, 768) + bytes(9),
    "JPEG": jpeg(1024, 768),
    "WebP with a canvas": b"RIFF\0\0\0\0WEBPVP8X\n\0\0\0\0\0\0\0" + b"\xff\x03\0\xff\x02\0",
    "WebP without loss": b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", 1023 | 767 << 14),
    "WebP": b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 1024, 768),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_a_picture_tells_its_pixels(picture: bytes) -> None:
    assert pixels(picture) == (1024, 768)
    assert all(pixels(picture[:end]) in (None, (1024, 768)) for end in range(len(picture))), "cut anywhere"


def shown(picture: bytes, detail: str = "auto") -> Json:
    url = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    return {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": url, "detail": detail}]}


@pytest.mark.parametrize(
    ("size", "detail", "tokens"),
    [((4000, 3000), "low", 85), ((512, 512), "high", 256), ((1024, 1024), "auto", 1024), ((2048, 4096), "auto", 1536)],
)
def test_a_picture_weighs_by_its_pixels_and_detail_not_by_its_bytes(
    size: tuple[int, int], detail: str, tokens: int
) -> None:
    for bytes_more in (0, 3_000_000):
        assert estimate_tokens([shown(png(*size, bytes_more), detail)]) == tokens + ITEM_TOKENS


def test_a_picture_of_unknown_size_weighs_as_much_as_one_can() -> None:
    link = {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"}
    broken = {"type": "input_image", "image_url": "data:image/png;base64,!", "detail": "auto"}
    assert [part_tokens(link), part_tokens(broken)] == [1536, 1536]


def test_instructions_tools_and_formats_have_their_weight() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": "Where it rains."}}}
    tool = {"type": "function", "name": "get_weather", "parameters": schema}
    bare = request_tokens("Be brief.", [])
    assert bare < request_tokens("Be brief.", [tool]) < request_tokens("Be brief.", [tool], {"schema": schema})


def test_calls_outputs_and_thoughts_have_their_weight() -> None:
    words = "rain over the harbour, " * 100
    bare = text_tokens(words)
    items = [
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": words},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": {"text": words}},
        {"type": "function_call_output", "call_id": "call_1", "output": words},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": words}]},
        {"type": "reasoning", "content": [{"type": "reasoning_text", "text": words}]},
        {"type": "reasoning", "encrypted_content": "x" * bare * 4},
        {"type": "new", "text": words},
    ]
    for item in items:
        assert bare <= item_tokens(item) <= bare * 1.1, item["type"]
