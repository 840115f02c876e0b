"""One attempt to tell a webhook: a signed POST, whose answer counts by its status alone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from shared.settings.values import Webhook
from shared.tools import reach
from shared.tools.domains import domains_of
from shared.tools.reach import Resolve
from shared.webhooks import signing
from shared.webhooks.notices import Notice

GONE: Final = 410
#: Of an answer nothing is read but its head.
MOST_BYTES: Final = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    #: Why it failed, without anything secret; empty: it did not.
    failure: str = ""
    #: The server wants no more.
    is_gone: bool = False


async def attempt(
    hook: Webhook, notice: Notice, now: int, allowed_hosts: str, seconds: float, resolve: Resolve = reach.resolve
) -> Outcome:
    """Send a notice, and wait so long for the status. No redirect is followed; hosts inside must be allowed."""
    import httpx2

    body = notice.body()
    headers = signing.headers(signing.keys_of(hook.secret.get_secret_value()), notice.notice_id, now, body)
    headers |= {"content-type": "application/json", "user-agent": "api-in-a-box"}
    try:
        async with (
            asyncio.timeout(seconds),
            reach.client(domains_of(allowed_hosts), MOST_BYTES, resolve, timeout=seconds) as client,
            client.stream("POST", hook.url, content=body, headers=headers) as response,
        ):
            status: int = response.status_code
    except TimeoutError:
        return Outcome(f"no answer within {seconds:g} seconds")
    except httpx2.ConnectError as error:
        return Outcome(f"not reached: {error}")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Outcome(reach.told(error, "the server") or f"no answer: {type(error).__name__}")
    if 200 <= status < 300:
        return Outcome()
    return Outcome(f"it answered {status}", is_gone=status == GONE)
