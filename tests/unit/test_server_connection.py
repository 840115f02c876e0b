"""Which addresses a connection's credentials may go to."""

from __future__ import annotations

import pytest

from shared.settings.values import ServerConnection


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


@pytest.mark.parametrize(
    ("known", "url", "covered"),
    [
        ("https://a.example:443/api", "https://a.example/api", True),
        ("https://a.example/api", "https://a.example:443/api/x", True),
        ("http://a.example:80", "http://a.example/x", True),
        ("https://a.example/api", "https://a.example:80/api", False),
        ("https://a.example/api", "https://a.example:4430/api", False),
        ("https://a.example/api", "https://a.example:443@other.example/api", False),
        ("https://a.example", "https://a.example:443.other.example/", False),
    ],
)
def test_the_port_of_its_scheme_may_be_said(known, url, covered):
    assert ServerConnection(url=known).covers(url) is covered


def test_the_query_of_its_address_is_a_secret():
    connection = ServerConnection.model_validate({"url": "https://a.example/invoke?sp=%2Ft%2Frun&sig=a%2Bb"})

    assert connection.url == "https://a.example/invoke"
    assert connection.secret_query() == {"sp": "/t/run", "sig": "a+b"}
    assert "a+b" not in repr(connection)
