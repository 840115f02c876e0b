"""What is an address of a server on the web."""

from __future__ import annotations

import pytest

from shared import web_address


@pytest.mark.parametrize("url", ["http://localhost", "https://example.com:8443/a?b=c", "https://[::1]:80/"])
def test_an_address_has_parts(url: str):
    parts = web_address.parts_of(url)
    assert parts is not None
    assert url.startswith(f"{parts.scheme}://{parts.netloc}")


@pytest.mark.parametrize(
    "url", ["", "localhost:80", "ftp://example.com", "https://", "http://host:0", "http://host:99999", "http://[::1"]
)
def test_what_leads_to_no_server_has_none(url: str):
    assert web_address.parts_of(url) is None
