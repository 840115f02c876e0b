"""Links that sign in to the page of this machine's box, and the browser that opens them."""

from __future__ import annotations

import asyncio
import html
import threading
import webbrowser
from pathlib import Path
from typing import Final, NamedTuple

from shared.api import sign_in
from shared.deps import Deps
from shared.home import make_private_file
from shared.store.base import StoreError

#: Addresses that nobody else can reach.
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
#: Leads on to a link. The browser gets this file: other users of the machine see what a process is started with.
REDIRECT: Final = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={}"><title>Box</title>\n'
)
FILE: Final = "sign-in.html"
NO_BROWSER: Final = "No browser could be opened: open the page yourself."


class Welcome(NamedTuple):
    """What is to be done about the page when a host starts."""

    #: Print a link that signs in; None: where nobody else can reach the box.
    link: bool | None = None
    #: Open the page in the browser.
    open: bool = False


async def made(page: str, deps: Deps, owner: str = "") -> str | None:
    """A link to the page that signs in as the owner, or the first; None without a key in plain. Raises StoreError."""
    owners = sign_in.known_keys(deps.settings)
    name = owner or next(iter(owners), "")
    return f"{page}#{sign_in.FRAGMENT}{await sign_in.make(deps, name)}" if name in owners else None


async def of_greeting(page: str, deps: Deps, wanted: Welcome) -> str | None:
    """The link that a host prints when it starts, if it does."""
    away = deps.settings.box_host not in LOOPBACK
    if wanted.link is False or (wanted.link is None and away and not wanted.open):
        return None
    try:
        return await made(page, deps)
    except StoreError:
        return None  # a link is not worth a host that does not start; what ails the storage is told elsewhere


async def open_after(greeted: asyncio.Event, link: str, home: Path) -> None:
    """Open the link once the host listens. Browsers of the terminal stay as long as they like: nobody waits."""

    def show() -> None:
        if not opened(link, home):
            print(NO_BROWSER, flush=True)

    await greeted.wait()
    threading.Thread(target=show, daemon=True).start()


def opened(link: str, home: Path) -> bool:
    """Open the link; whether there is a browser that says that it does.

    The file stays: its code is of no use once it was taken, or two minutes later.
    """
    path = home / FILE
    try:
        make_private_file(path)
        path.write_text(REDIRECT.format(html.escape(link)))
    except OSError:
        return False
    return webbrowser.open(path.resolve().as_uri())
