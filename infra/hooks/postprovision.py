"""After `azd provision`: say where the box is, how to call it, and what is left to consent to.

Nothing here can fail a deployment: whatever goes wrong becomes a line of advice. Standard library only.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import secrets
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ARM = "https://management.azure.com"
CONNECTIONS = "api-version=2016-06-01"
#: How long the mailbox owner may take to sign in.
WAIT_SECONDS = 300

FIRST_CALL = """\
Your box: {url}

  The API key:   azd env get-value BOX_API_KEY
  A first call, once `azd deploy` is through:

    curl {url}/assistants -H "Content-Type: application/json" \\
      -H "Authorization: Bearer $(azd env get-value BOX_API_KEY)" \\
      -d '{{"model": "gpt-4o", "name": "First", "instructions": "Be brief."}}'

  In a program:  OpenAI(base_url="{url}", api_key=...)
"""

KEPT = """\
Changed in the portal, and left as they are: {names}
To give one back to the deployment, delete it there, then: azd provision --no-state
"""

OVERRULED = """\
Changed in the portal and by this deployment, which has won: {names}
"""

CONSENT = """\
Mail and calendar wait for a mailbox owner (a work or school account) to consent, once. In the portal:

  {portal}
  then General > Edit API connection > Authorize > Save.

Until then send_email and create_calendar_event fail, everything else works. Look again: azd hooks run postprovision
"""

SIGN_IN = """\
Or here: open this in a browser on this machine, and sign in as the mailbox owner. The browser then comes back to this
terminal, which confirms the consent.

  {link}

Waiting for {minutes} minutes. Enter goes on without it.
"""

THANKS = b"<!doctype html><title>API-in-a-Box</title><p>Thank you. The terminal says whether it worked."


def arm_token() -> str:
    """A management token of whoever is signed in to azd; no Azure CLI needed."""
    command = ["azd", "auth", "token", "--scope", f"{ARM}/.default", "--output", "json"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return str(json.loads(answer.stdout)["token"])


def arm(method: str, path: str, token: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One call of Azure Resource Manager."""
    request = urllib.request.Request(  # noqa: S310
        f"{ARM}{path}?{CONNECTIONS}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            answer: dict[str, Any] | None = json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        error.close()
        raise
    return answer or {}


def claims(token: str) -> dict[str, str]:
    """What the token says about its owner; read, not verified, since only Azure acts on it."""
    payload = token.split(".")[1]
    decoded: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def is_connected(connection: str, token: str) -> bool:
    """Whether somebody has consented already."""
    statuses = arm("GET", connection, token)["properties"].get("statuses", [])
    return any(status.get("status") == "Connected" for status in statuses)


class Landing(ThreadingHTTPServer):
    """Where the browser comes back to after the sign-in, with a code: an address of this machine, not to be guessed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), LandingRequest)
        self.secret = "/" + secrets.token_urlsafe(16)
        self.arrived: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}{self.secret}"

    def code(self, seconds: float) -> str:
        """What the browser brings; empty if somebody presses Enter or the time is over."""
        threading.Thread(target=self._heed_enter, daemon=True).start()
        try:
            return self.arrived.get(timeout=seconds)
        except queue.Empty:
            return ""
        finally:
            self.shutdown()

    def _heed_enter(self) -> None:
        # Not readline(): a thread that holds the buffer's lock would break the end of the program.
        with suppress(OSError):
            os.read(sys.stdin.fileno(), 1)
        self.arrived.put("")


class LandingRequest(BaseHTTPRequestHandler):
    server: Landing

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        found = address.path == self.server.secret
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if found:
            self.wfile.write(THANKS)
            self.server.arrived.put(parse_qs(address.query).get("code", [""])[0])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address has the code in it."""


def consent_link(connection: str, token: str, back: str) -> str:
    """A sign-in page for the mailbox owner, made for whoever runs this; it sends the browser `back` with a code."""
    parameter = {"parameterName": "token", "redirectUrl": back, **identity(token)}
    answer = arm("POST", f"{connection}/listConsentLinks", token, {"parameters": [parameter]})
    return str(answer["value"][0]["link"])


def identity(token: str) -> dict[str, str]:
    """Whoever runs this, as the operations of a connection want it."""
    me = claims(token)
    return {"objectId": me["oid"], "tenantId": me["tid"]}


def sign_in(connection: str, token: str) -> str:
    """Wait for a mailbox owner to sign in, confirm the consent, and say what came of it."""
    with Landing() as landing:
        link = consent_link(connection, token, landing.url)
        print(SIGN_IN.format(link=link, minutes=WAIT_SECONDS // 60), flush=True)
        code = landing.code(WAIT_SECONDS)
    if not code:
        return "Nobody signed in: the portal's way is still open."
    arm("POST", f"{connection}/confirmConsentCode", token, {"code": code, **identity(token)})
    if is_connected(connection, token):
        return "The mailbox is connected."
    return "Azure took the consent, but does not say Connected: look into the portal."


def connect(connection: str) -> None:
    """Say how to connect the Office 365 connection, and do it where somebody sits at the terminal."""
    token = ""
    with advice_only("The connection could not be looked at"):
        token = arm_token()
        if is_connected(connection, token):
            return
    print(CONSENT.format(portal=f"https://portal.azure.com/#resource{connection}"))
    if token and sys.stdin.isatty():
        with advice_only("The consent could not be confirmed"):
            print(sign_in(connection, token))


@contextmanager
def advice_only(what: str) -> Iterator[None]:
    """Turn whatever goes wrong into a line: nothing here may stop a deployment."""
    try:
        yield
    except Exception as error:
        print(f"({what}: {error if isinstance(error, OSError) else type(error).__name__})")


def main() -> int:
    """Print the advice."""
    url = os.environ.get("BOX_BASE_URL", "")
    connection = os.environ.get("OFFICE365_CONNECTION_ID", "")
    if url:
        print(FIRST_CALL.format(url=url))
    for words, names in ((KEPT, "SETTINGS_KEPT"), (OVERRULED, "SETTINGS_OVERRULED")):
        if os.environ.get(names):
            print(words.format(names=", ".join(os.environ[names].split())))
    if connection:
        connect(connection)
    return 0


if __name__ == "__main__":
    sys.exit(main())
