"""The azd hooks, run as azd runs them, with a stand-in for azd and for Azure Resource Manager."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from shared.config import Settings
from tests.infra.infra_tree import PROJECT

HOOKS = PROJECT / "infra/hooks"
CONNECTION = "/subscriptions/s/resourceGroups/rg-t/providers/Microsoft.Web/connections/office365-t"
TOKEN = "e30." + base64.urlsafe_b64encode(b'{"oid": "me", "tid": "home"}').decode().rstrip("=") + ".sig"
#: Writes down what it is asked and hands out a token.
AZD = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["AZD_LOG"], "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["auth", "token"]:
    print(json.dumps({{"token": "{TOKEN}"}}))
"""


class Azd:
    """The stand-in's environment, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "azd.log"
        self.environment = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "AZD_LOG": str(self.log)}
        (folder / "azd").write_text(AZD)
        (folder / "azd").chmod(0o755)

    def run(self, hook: str, **values: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(HOOKS / hook)]
        return subprocess.run(command, env={**self.environment, **values}, text=True, capture_output=True)

    def kept(self) -> dict[str, str]:
        """What was put into the azd environment."""
        calls = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return {name: value for verb, what, name, value in calls if (verb, what) == ("env", "set")}


@pytest.fixture
def azd(tmp_path: Path) -> Azd:
    return Azd(tmp_path)


def test_the_first_deployment_makes_a_key_and_hands_on_its_hash(azd: Azd):
    done = azd.run("preprovision.py")
    assert done.returncode == 0, done.stderr
    key = azd.kept()["BOX_API_KEY"]
    assert len(key) >= 40
    assert json.loads(azd.kept()["BOX_KEY_HASHES"]) == {"default": f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"}
    assert key not in done.stdout + done.stderr + azd.kept()["BOX_KEY_HASHES"]


def test_two_boxes_have_different_keys(azd: Azd):
    azd.run("preprovision.py")
    first = azd.kept()["BOX_API_KEY"]
    azd.run("preprovision.py")
    assert azd.kept()["BOX_API_KEY"] != first


def test_a_key_that_is_there_stays(azd: Azd):
    key = "k" * 40
    assert azd.run("preprovision.py", BOX_API_KEY=key).returncode == 0
    assert list(azd.kept()) == ["BOX_KEY_HASHES"]
    assert hashlib.sha256(key.encode()).hexdigest() in azd.kept()["BOX_KEY_HASHES"]


def test_other_owners_have_their_own_keys(azd: Azd):
    azd.run("preprovision.py", BOX_API_KEY="k" * 40, BOX_API_KEY_ALICE="a" * 40, BOX_API_KEYS="ignored")
    assert list(json.loads(azd.kept()["BOX_KEY_HASHES"])) == ["default", "alice"]


def test_a_key_that_could_be_guessed_is_refused(azd: Azd):
    done = azd.run("preprovision.py", BOX_API_KEY="letmein")
    assert done.returncode != 0
    assert "'default' is too short" in done.stderr
    assert azd.kept() == {}


@pytest.mark.parametrize("owner", ["_ALICE", "A" * 64, "JOSÉ"])
def test_an_owner_the_app_would_not_start_with_is_refused(azd: Azd, owner: str):
    done = azd.run("preprovision.py", **{"BOX_API_KEY": "k" * 40, f"BOX_API_KEY_{owner}": "a" * 40})
    assert done.returncode != 0
    assert f"{owner.lower()!r} is no name of an owner" in done.stderr
    assert azd.kept() == {}


def test_the_app_reads_what_the_hook_makes(azd: Azd, monkeypatch: pytest.MonkeyPatch):
    azd.run("preprovision.py")
    monkeypatch.setenv("BOX_API_KEYS", azd.kept()["BOX_KEY_HASHES"])
    assert Settings().box_api_keys["default"].get_secret_value().startswith("sha256:")


class Arm(ThreadingHTTPServer):
    """As much of Azure Resource Manager as the hook needs."""

    status = "Error"
    refuses = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ArmRequest)
        self.asked: list[tuple[str, object]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class ArmRequest(BaseHTTPRequestHandler):
    server: Arm

    def do_GET(self) -> None:
        self.answer({"properties": {"statuses": [{"status": self.server.status}]}})

    def do_POST(self) -> None:
        self.answer({"value": [{"link": "https://consent.example/sign-in"}]})

    def answer(self, body: object) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.path, json.loads(content or "null")))
        authorized = self.headers["Authorization"] == f"Bearer {TOKEN}" and not self.server.refuses
        self.send_response(200 if authorized else 403)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test output quiet."""


@pytest.fixture
def arm() -> Iterator[Arm]:
    server = Arm()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def postprovision(azd: Azd, arm: Arm, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("postprovision", HOOKS / "postprovision.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ARM", arm.url)
    for name, value in azd.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOX_BASE_URL", "https://func-t.azurewebsites.net/v1")
    monkeypatch.setenv("OFFICE365_CONNECTION_ID", CONNECTION)
    return module


def test_afterwards_the_hook_says_how_to_call_the_box(postprovision: ModuleType, capsys: pytest.CaptureFixture[str]):
    assert postprovision.main() == 0
    said = capsys.readouterr().out
    assert "curl https://func-t.azurewebsites.net/v1/assistants" in said
    assert "azd env get-value BOX_API_KEY" in said


def test_a_missing_consent_gets_a_link(postprovision: ModuleType, arm: Arm, capsys: pytest.CaptureFixture[str]):
    assert postprovision.main() == 0
    said = capsys.readouterr().out
    assert "https://consent.example/sign-in" in said
    assert f"https://portal.azure.com/#resource{CONNECTION}" in said
    path, body = arm.asked[-1]
    assert path == f"{CONNECTION}/listConsentLinks?api-version=2016-06-01"
    parameter = {"redirectUrl": "https://portal.azure.com/", "objectId": "me", "tenantId": "home"}
    assert body == {"parameters": [{"parameterName": "token", **parameter}]}


def test_a_given_consent_needs_no_advice(postprovision: ModuleType, arm: Arm, capsys: pytest.CaptureFixture[str]):
    arm.status = "Connected"
    assert postprovision.main() == 0
    assert "consent" not in capsys.readouterr().out


def test_a_refusal_still_leaves_the_way_through_the_portal(
    postprovision: ModuleType, arm: Arm, capsys: pytest.CaptureFixture[str]
):
    arm.refuses = True
    assert postprovision.main() == 0
    said = capsys.readouterr().out
    assert f"https://portal.azure.com/#resource{CONNECTION}" in said
    assert "HTTPError" in said


def test_without_anything_deployed_the_hook_is_silent(azd: Azd):
    done = azd.run("postprovision.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
