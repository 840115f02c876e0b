"""After `azd provision`: say where the box is, how to call it, and what is left to consent to.

Nothing here can fail a deployment: whatever goes wrong becomes a line of advice. Standard library only.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from typing import Any

ARM = "https://management.azure.com"
CONNECTIONS = "api-version=2016-06-01"

FIRST_CALL = """\
Your box: {url}

  The API key:   azd env get-value BOX_API_KEY
  A first call, once `azd deploy` is through:

    curl {url}/assistants -H "Content-Type: application/json" \\
      -H "Authorization: Bearer $(azd env get-value BOX_API_KEY)" \\
      -d '{{"model": "gpt-4o", "name": "First", "instructions": "Be brief."}}'

  In a program:  OpenAI(base_url="{url}", api_key=...)
"""

CONSENT = """\
Mail and calendar wait for a mailbox owner (a work or school account) to consent, once:

  {link}

or in the portal: {portal}
  then General > Edit API connection > Authorize > Save.

Until then send_email and create_calendar_event fail, everything else works. Look again: azd hooks run postprovision
"""


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
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
    return answer


def claims(token: str) -> dict[str, str]:
    """What the token says about its owner; read, not verified, since only Azure acts on it."""
    payload = token.split(".")[1]
    decoded: dict[str, str] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def is_connected(connection: str, token: str) -> bool:
    """Whether somebody has consented already."""
    statuses = arm("GET", connection, token)["properties"].get("statuses", [])
    return any(status.get("status") == "Connected" for status in statuses)


def consent_link(connection: str, token: str) -> str:
    """A sign-in page for the mailbox owner, made for whoever runs this."""
    me = claims(token)
    parameter = {
        "parameterName": "token",
        "redirectUrl": "https://portal.azure.com/",
        "objectId": me["oid"],
        "tenantId": me["tid"],
    }
    answer = arm("POST", f"{connection}/listConsentLinks", token, {"parameters": [parameter]})
    return str(answer["value"][0]["link"])


def consent_advice(connection: str) -> str:
    """What to say about the Office 365 connection; empty when nothing is left to do."""
    portal = f"https://portal.azure.com/#resource{connection}"
    try:
        token = arm_token()
        if is_connected(connection, token):
            return ""
        link = consent_link(connection, token)
    except Exception as error:  # advice is all this hook gives: no failure may stop a deployment
        link = f"(no link: {type(error).__name__})"
    return CONSENT.format(link=link, portal=portal)


def main() -> int:
    """Print the advice."""
    url = os.environ.get("BOX_BASE_URL", "")
    connection = os.environ.get("OFFICE365_CONNECTION_ID", "")
    if url:
        print(FIRST_CALL.format(url=url))
    if connection:
        print(consent_advice(connection))
    return 0


if __name__ == "__main__":
    sys.exit(main())
