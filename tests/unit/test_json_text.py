"""What native code writes and reads is what the standard library would."""

from __future__ import annotations

import json

import pytest

from shared import json_text

VALUES = [
    {"id": "msg_1", "empty": {}, "list": [1, -2, 0.1, 1e22, True, None], "nested": {"a": [{"b": ""}]}},
    {"quotes": '"\\/', "controls": "\x00\x1f\x7f\n", "html": "<&>"},
    {"accents": "Grüße,東京,\U0001f600", "ends of lines": "\u2028\u2029\x85"},
    {"half a pair": "\ud83d", "the other half": "\ude00"},
    {"beyond 64 bits": 2**64, "below": -(2**80), "exactly": 2**63 - 1},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: next(iter(value)))
def test_what_is_written_is_compact_ascii_and_comes_back(value):
    written = json_text.ascii_bytes(value)
    assert written.isascii()
    assert b", " not in written
    assert b": " not in written
    assert json.loads(written) == value
    assert json_text.read(written) == value
    assert json_text.read(written.decode()) == value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: next(iter(value)))
def test_texts_of_the_standard_library_are_read(value):
    assert json_text.read(json.dumps(value, indent=1)) == value
    assert [*json_text.read(json.dumps(value))] == [*value]


def test_utf8_keeps_characters_as_they_are():
    assert json_text.utf8_bytes({"a": "東京"}) == '{"a":"東京"}'.encode()
    with pytest.raises(UnicodeEncodeError):
        json_text.utf8_bytes("\ud83d")


@pytest.mark.parametrize("text", ["", "{", '{"a":1,}', "nope", '"\\ud83d', "[1] 2", 50_000 * "["])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"\w"):
        json_text.read(text)


def test_what_has_no_form_is_a_type_error():
    with pytest.raises(TypeError):
        json_text.ascii_bytes({"a": object()})
