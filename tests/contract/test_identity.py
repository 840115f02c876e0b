"""A storage account reached by its addresses with a managed identity, over HTTPS, as in Azure."""

from __future__ import annotations

import datetime
import gc
import ipaddress
import time
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.app import azure_storage, build
from shared.blobs.base import read_all, write_bytes
from shared.config import Settings
from shared.store.base import Put
from tests import azurite as emulator

CLIENT_ID = "11111111-2222-3333-4444-555555555555"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback address that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(encoding))
    private = serialization.PrivateFormat.PKCS8
    key_file.write_bytes(key.private_bytes(encoding, private, serialization.NoEncryption()))
    return certificate_file, key_file


@pytest.fixture
async def asked(monkeypatch) -> AsyncIterator[list[dict[str, str]]]:
    """What was asked of the platform's token endpoint, which hands out tokens as in a function app."""
    questions: list[dict[str, str]] = []

    async def token(request: web.Request) -> web.Response:
        assert request.headers["X-IDENTITY-HEADER"] == "secret"
        questions.append(dict(request.query))
        now = int(time.time())
        claims = {"iss": "https://sts.windows.net/x", "aud": request.query["resource"], "iat": now, "nbf": now - 60}
        access = jwt.encode(claims | {"exp": now + 3600}, "k" * 32)
        answer = {"access_token": access, "expires_on": now + 3600, "token_type": "Bearer"}
        return web.json_response(answer | {"resource": request.query["resource"]})

    app = web.Application()
    app.router.add_get("/token", token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{runner.addresses[0][1]}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "secret")
    yield questions
    await runner.cleanup()


async def test_the_identity_opens_all_three_services(azurite_installed, asked, tmp_path):
    certificate, key = make_certificate(tmp_path)
    with emulator.serving(tmp_path, "--cert", str(certificate), "--key", str(key), "--oauth", "basic") as ports:
        uris = {
            f"AzureWebJobsStorage__{name}ServiceUri": f"https://127.0.0.1:{port}/{emulator.ACCOUNT}"
            for name, port in ports.items()
        }
        settings = Settings(_env_file=None, azure_client_id=CLIENT_ID, **uris)
        box = build(settings, storage=azure_storage(settings, connection_verify=str(certificate)))
        deps = box.deps
        await deps.store.commit("p", [Put("a", {"n": 1})])
        await write_bytes(deps.blobs, "a", b"bytes")
        await deps.queue.send({"n": 1})
        assert (await deps.store.get("p", "a")).data == {"n": 1}
        assert await read_all(deps.blobs, "a") == b"bytes"
        assert len(await deps.queue.receive(1, 30, 0)) == 1
        await box.close()
    del box, deps
    gc.collect()  # a connection that was left open complains now
    assert {question["client_id"] for question in asked} == {CLIENT_ID}
    assert {question["resource"].rstrip("/") for question in asked} == {"https://storage.azure.com"}
