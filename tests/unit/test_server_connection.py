"""Which addresses a connection's credentials may go to."""

from __future__ import annotations

import pytest

from shared.setting_values import ServerConnection


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://a.example/api", True),
        ("https://a.example/api/", True),
        ("https://a.example/api/orders?of=../x", True),
        ("https://a.example/apis", False),
        ("https://a.example", False),
        ("https://a.example/api/../admin", False),
        ("https://a.example/api/%2e%2e/admin", False),
        ("https://a.example.other.example/api", False),
    ],
)
def test_a_connection_covers_what_is_below_its_address(url, covered):
    assert ServerConnection(url="https://a.example/api").covers(url) is covered
