"""The fetcher visits the public internet only, however it is asked."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib

import anyio
import pytest
from aiohttp import web

from shared.config import Settings
from shared.tools.addresses import is_public
from shared.tools.base import ToolFailure
from shared.tools.domains import domains_of
from shared.tools.fetcher import Fetcher
from tests.fakes.certificate import certificate, server_side
from tests.fakes.internet import PUBLIC, Internet

HTML = ("text/html",)


@pytest.fixture
async def internet():
    net = Internet()
    await net.start()
    net.names["news.example"] = [[PUBLIC]]
    net.pages["news.example/"] = lambda request: html("<p>Hello")
    yield net
    await net.stop()


def html(text: str, **options) -> web.Response:
    return web.Response(text=text, content_type="text/html", **options)


def redirect(location: str, status: int = 302):
    return lambda request: web.Response(status=status, headers={"Location": location})


async def fetch(internet, url, **limits):
    return await Fetcher(resolve=internet.resolve, transport=internet, **limits).fetch(url, HTML)


async def refusal(internet, url, **limits) -> str:
    with pytest.raises(ToolFailure) as caught:
        await fetch(internet, url, **limits)
    return str(caught.value)


FORBIDDEN = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.1.2.3 168.63.129.16
    169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.9 192.0.0.192 192.0.2.1 192.31.196.1
    192.52.193.1 192.88.99.1 192.168.0.1 192.175.48.1
    198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1
    64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:1::1 2001:0:7f00:1::
    2001:db8::1 2001:10::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:808:808:: 2620:4f:8000::1 3ffe::1
    3ffe:831f::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1
    fe80::1%eth0 2606:4700::1%1 fec0::1 ff02::1 ff0e::1 4000::1 nonsense 127.1 0x7f.0.0.1 2130706433 1.1.1.1/0
"""


@pytest.mark.parametrize("address", FORBIDDEN.split())
async def test_a_name_that_leads_inside_is_not_followed(internet, address):
    internet.names["inside.example"] = [[address]]
    assert await refusal(internet, "https://inside.example/") == (
        "inside.example is not on the public internet: it is not fetched"
    )
    assert internet.connected == []


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", PUBLIC, "2606:4700:4700::1111", "2a00:1450:4001::200e"])
def test_the_public_internet_is_public(address):
    assert is_public(address)


@pytest.mark.parametrize("addresses", [[PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC], ["2606:4700::1", "::1"]])
async def test_one_address_inside_spoils_the_others(internet, addresses):
    internet.names["mixed.example"] = [addresses]
    assert "not on the public internet" in await refusal(internet, "http://mixed.example/")
    assert internet.connected == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://0177.0.0.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254./metadata/identity/oauth2/token",
        "http://[fd00:ec2::254]/latest/",
        "http://168.63.129.16/machine",
    ],
)
async def test_numbers_and_local_names_are_seen_through(internet, url):
    with pytest.raises(ToolFailure, match=r"not on the public internet|not a valid URL"):
        # With the machine's own resolver: it knows all spellings of a number without asking anybody.
        await Fetcher(transport=internet).fetch(url, HTML)
    assert internet.connected == []


async def test_only_the_allowed_domains_are_visited_and_asked_for(internet):
    internet.pages["news.example/go"] = redirect("https://elsewhere.example/?d=secret")
    internet.names["elsewhere.example"] = internet.names["sub.news.example"] = [[PUBLIC]]
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return await internet.resolve(host, port)

    settings = Settings(_env_file=None, fetch_allowed_domains="News.example, other.example")
    fetcher = Fetcher(resolve, internet, domains_of(settings.fetch_allowed_domains))

    assert (await fetcher.fetch("https://NEWS.example./", HTML)).media_type == "text/html"
    for url in ("https://news.example/go", "https://sub.news.example/", "https://xnews.example/", f"http://{PUBLIC}/"):
        with pytest.raises(
            ToolFailure, match=r"may not be fetched from; allowed domains: news\.example, other\.example"
        ):
            await fetcher.fetch(url, HTML)
    assert {*asked} == {"news.example"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("file:///etc/passwd", "only http and https"),
        ("ftp://news.example/", "only http and https"),
        ("gopher://news.example/_x", "only http and https"),
        ("data:text/html,<p>x", "only http and https"),
        ("//news.example/", "only http and https"),
        ("news.example", "only http and https"),
        ("", "only http and https"),
        ("http://news.example:22/", "only the ports 80 and 443"),
        ("http://news.example:8080/", "only the ports 80 and 443"),
        ("http://news.example:6379/", "only the ports 80 and 443"),
        ("http://user:secret@news.example/", "user name or password"),
        ("http://news.example@127.0.0.1/", "user name or password"),
        ("http://127.0.0.1\\@news.example/", "user name or password"),
        ("http://news.example\\.inside/", "valid URL"),
        ("http:///path", "valid URL"),
        ("http://[::1", "valid URL"),
        ("http://[fe80::1%25eth0]/", "valid URL"),
        ("http://%31%32%37.0.0.1/", "valid URL"),
        ("http://①②⑦.⓪.⓪.①/", "valid URL"),
        ("http://news.exa\r\nmple/", "valid URL"),
        ("http://news.example:99999999/", "only the ports 80 and 443"),
        ("http://nowhere.example/", "there is no host nowhere.example"),
        ("http://news.example/" + "a" * 2000, "2000 characters"),
    ],
)
async def test_what_is_no_public_address_is_refused(internet, url, told):
    assert told in await refusal(internet, url)
    assert internet.connected == []


@pytest.mark.parametrize(
    "location",
    [
        "http://inside.example/",
        "//inside.example/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "https://news.example:8443/",
        "http://user@news.example/",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("status", [301, 307])
async def test_a_redirect_is_checked_like_the_first_address(internet, location, status):
    internet.names |= {"inside.example": [["10.0.0.8"]], "127.0.0.1": [["127.0.0.1"]], "::1": [["::1"]]}
    internet.names["169.254.169.254"] = [["169.254.169.254"]]
    internet.pages["news.example/go"] = redirect(location, status)
    await refusal(internet, "https://news.example/go")
    assert len(internet.connected) == 1


async def test_a_name_that_changes_its_mind_is_visited_where_it_was_checked(internet):
    internet.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    internet.pages["rebind.example/"] = lambda request: html("<p>Public")
    assert (await fetch(internet, "https://rebind.example/")).body == b"<p>Public"
    assert internet.connected == [(PUBLIC, "rebind.example")]


async def test_a_name_that_changes_its_mind_between_hops_is_refused(internet):
    internet.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"]]
    internet.pages["rebind.example/"] = redirect("/again")
    assert "not on the public internet" in await refusal(internet, "https://rebind.example/")
    assert internet.connected == [(PUBLIC, "rebind.example")]


async def test_host_and_certificate_name_stay_those_of_the_url(internet):
    internet.names["xn--mnchen-3ya.example"] = [["2606:4700::6810:1"]]
    internet.pages["xn--mnchen-3ya.example/"] = lambda request: html("<p>Grüezi")
    await fetch(internet, "https://MÜNCHEN.example./")
    assert internet.connected == [("2606:4700::6810:1", "xn--mnchen-3ya.example")]
    assert internet.requests[0].headers["Host"] == "xn--mnchen-3ya.example"


async def test_redirects_are_followed_and_named(internet):
    internet.names["www.news.example"] = [[PUBLIC]]
    internet.pages["news.example/go"] = redirect("https://www.news.example/a")
    internet.pages["www.news.example/a"] = redirect("b?x=1")
    internet.pages["www.news.example/b"] = lambda request: html("<p>There")
    page = await fetch(internet, "http://news.example/go")
    assert (page.url, page.body) == ("https://www.news.example/b?x=1", b"<p>There")


async def test_no_more_than_five_redirects(internet):
    for number in range(7):
        internet.pages[f"news.example/{number}"] = redirect(f"/{number + 1}")
    assert await refusal(internet, "https://news.example/0") == "the page redirects more than 5 times"
    assert len(internet.connected) == 6


async def test_a_host_gets_no_cookies_of_another(internet):
    internet.names["other.example"] = [[PUBLIC]]
    internet.pages["news.example/go"] = lambda request: web.Response(
        status=302, headers={"Location": "https://other.example/", "Set-Cookie": "id=1; Path=/"}
    )
    internet.pages["other.example/"] = lambda request: html("cookie: " + request.headers.get("Cookie", "none"))
    assert (await fetch(internet, "https://news.example/go")).body == b"cookie: none"


async def test_a_dead_address_gives_way_to_the_next(internet):
    internet.names["news.example"] = [["2606:4700::1", PUBLIC]]
    internet.unreachable = {"2606:4700::1"}
    assert (await fetch(internet, "http://news.example/")).body == b"<p>Hello"


async def test_when_nothing_answers_the_model_hears_it(internet):
    internet.unreachable = {PUBLIC}
    assert await refusal(internet, "http://news.example/") == "the page could not be fetched: ConnectError"


@pytest.mark.parametrize("status", [204, 304, 400, 401, 404, 500, 503])
async def test_a_page_that_is_not_there(internet, status):
    internet.pages["news.example/"] = lambda request: web.Response(status=status)
    assert await refusal(internet, "http://news.example/") == f"news.example answered with status {status}"


@pytest.mark.parametrize("media_type", ["application/pdf", "image/png", "application/octet-stream", "application/json"])
async def test_other_types_are_not_read(internet, media_type):
    internet.pages["news.example/"] = lambda request: web.Response(body=b"x", content_type=media_type)
    assert f"the page is {media_type}" in await refusal(internet, "http://news.example/")


def bomb() -> bytes:
    return gzip.compress(b"x" * 200_000_000, 1)


def many(piece: bytes, times: int, encoding: str | None = None):
    async def answer(request):
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        if encoding is not None:
            response.headers["Content-Encoding"] = encoding
        await response.prepare(request)
        try:
            for _ in range(times):
                await response.write(piece)
        except ConnectionError:
            pass
        return response

    return answer


@pytest.mark.parametrize(
    "page",
    [
        lambda: many(b"x" * 100_000, 100),
        lambda: many(bomb(), 1, "gzip"),
        lambda: many(zlib.compress(bomb()), 1, "gzip, deflate"),
    ],
    ids=["endless", "bomb", "bomb in a bomb"],
)
async def test_a_page_that_is_too_large_is_left(internet, page):
    internet.pages["news.example/"] = page()
    assert await refusal(internet, "http://news.example/") == "the page is larger than 2 MB"


async def test_a_broken_encoding_is_told(internet):
    internet.pages["news.example/"] = many(b"this is not gzip", 1, "gzip")
    assert await refusal(internet, "http://news.example/") == "the page could not be fetched: DecodingError"


async def test_a_page_that_drips_is_left(internet):
    released = asyncio.Event()

    async def drip(request):
        response = web.StreamResponse(headers={"Content-Type": "text/html"})
        await response.prepare(request)
        await response.write(b"<p>")
        await released.wait()
        return response

    internet.pages["news.example/"] = drip
    told = await refusal(internet, "http://news.example/", seconds=0.3)
    released.set()
    assert told in ("the page did not arrive within 0.3 seconds", "the page could not be fetched: ReadTimeout")


async def test_a_resolver_that_hangs_is_left(internet):
    async def never(host, port):
        await asyncio.Event().wait()

    with pytest.raises(ToolFailure, match="did not arrive"):
        await Fetcher(resolve=never, transport=internet, seconds=0.1).fetch("http://news.example/", HTML)


@pytest.mark.parametrize(("url", "port"), [("http://news.example/", 80), ("https://news.example/", 443)])
async def test_the_connection_goes_to_the_checked_address_past_any_proxy(internet, monkeypatch, url, port):
    asked = []

    async def connect(remote_host, remote_port, **options):
        asked.append((remote_host, remote_port))
        raise OSError("this test has no network")

    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:3128")
    monkeypatch.setattr("anyio.connect_tcp", connect)
    with pytest.raises(ToolFailure, match="ConnectError"):
        await Fetcher(resolve=internet.resolve).fetch(url, HTML)
    assert asked == [(PUBLIC, port)]


@pytest.mark.parametrize(("name", "accepted"), [("news.example", True), ("other.example", False)])
async def test_the_certificate_must_be_that_of_the_name(internet, monkeypatch, tmp_path, name, accepted):
    trusting = await lead_tls_here(internet, monkeypatch, certificate(tmp_path, name))
    fetching = Fetcher(resolve=internet.resolve, trusting=trusting).fetch("https://news.example/", HTML)
    if accepted:
        assert (await fetching).body == b"<p>Hello"
    else:
        with pytest.raises(ToolFailure, match="ConnectError"):
            await fetching


async def test_a_connection_is_not_lent_to_another_name(internet, monkeypatch, tmp_path):
    internet.names["other.example"] = [[PUBLIC]]
    internet.pages["news.example/go"] = redirect("https://other.example/")
    internet.pages["other.example/"] = lambda request: html("<p>Not for this certificate")
    trusting = await lead_tls_here(internet, monkeypatch, certificate(tmp_path, "news.example"))
    with pytest.raises(ToolFailure, match="ConnectError"):
        await Fetcher(resolve=internet.resolve, trusting=trusting).fetch("https://news.example/go", HTML)


async def lead_tls_here(internet, monkeypatch, pem):
    """Connections to port 443, wherever they go, end at the local server; what trusts its certificate."""
    port = await internet.serve_tls(server_side(pem))
    connect = anyio.connect_tcp
    monkeypatch.setattr(
        "anyio.connect_tcp", lambda remote_host, remote_port, **rest: connect("127.0.0.1", port, **rest)
    )
    return ssl.create_default_context(cafile=str(pem))
