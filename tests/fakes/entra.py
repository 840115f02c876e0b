"""An Entra ID tenant: signs tokens, and publishes the keys to check them with."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from tests.fakes.listening import Quiet, listening

TENANT = "11111111-2222-3333-4444-555555555555"
#: What clients of Azure OpenAI ask tokens for.
AUDIENCE = "https://cognitiveservices.azure.com"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class Tenant:
    """Serves its keys below `url` while it is `speaking` and not `down`."""

    def __init__(self) -> None:
        self.keys = {"first": new_key()}
        self.reads = 0
        self.down = False
        #: While it is not set, the tenant takes requests and answers none.
        self.speaking = threading.Event()
        self.speaking.set()
        self.url = ""

    def token(self, key: str = "first", signed_with: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        """A token as Entra makes it; a claim of None is left out."""
        now = int(time.time())
        usual = {
            "aud": AUDIENCE,
            "iss": f"https://sts.windows.net/{TENANT}/",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        }
        said = {name: value for name, value in {**usual, "tid": TENANT, **claims}.items() if value is not None}
        return jwt.encode(said, self.keys[key] if signed_with is None else signed_with, algorithm, headers={"kid": key})

    def published(self) -> bytes:
        keys = [
            {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": name, "use": "sig"}
            for name, key in self.keys.items()
        ]
        return json.dumps({"keys": keys}).encode()


@contextmanager
def serving() -> Iterator[Tenant]:
    tenant = Tenant()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tenant.reads += 1
            tenant.speaking.wait(20)
            known = self.path == f"/{TENANT}/discovery/v2.0/keys"
            self.send_response(503 if tenant.down else 200 if known else 404)
            self.end_headers()
            self.wfile.write(tenant.published())

    with listening(Handler) as tenant.url:
        yield tenant
