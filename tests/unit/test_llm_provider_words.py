"""What clients are told of a provider's words: enough to mend the request, nothing that opens a door."""

from __future__ import annotations

import pytest

from shared.llm.responses.provider_words import LONGEST_MESSAGE, fit_for_clients


@pytest.mark.parametrize(
    "words",
    [
        "Invalid schema for function 'w': In context=('properties', 'temperature'), 'minimum' is not permitted.",
        "Invalid schema for response_format 'x': schema must be a JSON Schema of 'type: \"object\"', got 'None'.",
        "The model `gpt-5.4-mini` does not exist or you do not have access to it.",
        "Missing required parameter: 'text.format.schema'.",
        "This model's maximum context length is 128000 tokens. However, you requested 130000 tokens.",
        "Unsupported value: 'none' is not supported with the 'gpt-6-astra' model. Supported values are: 'low'.",
        "Tool choice 'look_up_an_order' not found in 'tools' parameter.",
        "input[3].content[1].image_url: could not be read",
        "reference '#/properties/home/etc' can not be resolved",
        "Ungültiges Schema für „Straße“: 日本語",
    ],
)
def test_words_about_the_request_stay(words):
    assert fit_for_clients(words) == words


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        ("Incorrect API key provided: sk-proj-abcdef123456.", "abcdef"),
        ("Incorrect API key sk-12*****89 in the request", "sk-12"),
        ("Invalid schema. Authorization: Bearer abc.def-123", "abc.def"),
        ("bad request (Bearer abcdefgh12345)", "abcdefgh"),
        ("api-key: 0123abcd was used", "0123abcd"),
        ("api_key=hunter2 was used", "hunter2"),
        ("password = hunter2", "hunter2"),
        ("upstream said no, headers: {'x-trace': 'inner', 'api-key': 'k'}", "inner"),
        ("x-ms-region: secret-place", "secret-place"),
        ("Set-Cookie: session=abc; path=/", "abc"),
        ("key 0123456789abcdef0123456789abcdef is wrong", "456789abcdef"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc is wrong", "zdWIi"),
        ("subscription 11111111-2222-3333-4444-555555555555", "2222-3333"),
        ("Organization org-abcDEF123 has no access", "abcDEF"),
        ("connection to my-account.openai.azure.com:443 failed", "my-account"),
        ("upstream vllm.models.svc.cluster.local refused", "vllm"),
        ("upstream 10.1.2.3:8000 refused", "10.1.2.3"),
        ("upstream [fd00::1]:8000 refused", "fd00"),
        ("upstream localhost:11434 refused", "11434"),
        ("upstream vllm:8000 refused", "vllm"),
        ("see https://user:pass@host/path?sig=abc for more", "host"),
        ("ask admin@contoso.com", "contoso"),
        ("at /srv/models/llama.py line 3", "llama"),
        ("cannot read data:image/png;base64,iVBORw0KGgoAAAA", "iVBOR"),
    ],
)
def test_secrets_and_addresses_do_not(words, secret):
    told = fit_for_clients(words)
    assert secret not in told
    assert "***" in told


def test_the_endpoints_own_host_is_left_out_whatever_it_is_called():
    assert (
        fit_for_clients("Gateway genies refused, as genies:8443 says", "genies") == "Gateway *** refused, as *** says"
    )


def test_one_line_of_bounded_length():
    told = fit_for_clients("a\r\nb\x00\x1b[31m c " + "word " * 10_000)
    assert told.startswith("a b [31m c word")
    assert len(told) <= LONGEST_MESSAGE
    assert told.endswith("…")


def test_halves_of_characters_do_not_break_it():
    assert fit_for_clients("half \ud83d done") == "half ? done"
