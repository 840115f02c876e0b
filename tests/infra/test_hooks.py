"""The azd hooks, run as azd runs them, with a stand-in for azd and for Azure Resource Manager."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pty
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

import pytest

from shared.config import Settings
from tests.fakes.listening import Quiet, listening
from tests.infra.fake_azd import TOKEN, Azd
from tests.infra.infra_tree import PROJECT

HOOKS = PROJECT / "infra/hooks"
CONNECTION = "/subscriptions/s/resourceGroups/rg-t/providers/Microsoft.Web/connections/office365-t"
#: What a sign-in ends with.
CODE = "consented-once"


@pytest.fixture
def azd(tmp_path: Path) -> Azd:
    return Azd(tmp_path, HOOKS)


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
    assert list(azd.kept()) == ["BOX_KEY_HASHES", "BOX_ADMIN_KEY_HASHES"]
    assert hashlib.sha256(key.encode()).hexdigest() in azd.kept()["BOX_KEY_HASHES"]


def test_other_owners_have_their_own_keys(azd: Azd):
    azd.run("preprovision.py", BOX_API_KEY="k" * 40, BOX_API_KEY_ALICE="a" * 40, BOX_API_KEYS="ignored")
    assert list(json.loads(azd.kept()["BOX_KEY_HASHES"])) == ["default", "alice"]


def test_administrators_are_there_only_where_they_have_keys(azd: Azd, monkeypatch: pytest.MonkeyPatch):
    azd.run("preprovision.py")
    assert azd.kept()["BOX_ADMIN_KEY_HASHES"] == "{}"
    key = "a" * 40
    done = azd.run("preprovision.py", BOX_ADMIN_KEY=key, BOX_ADMIN_KEY_OPS="o" * 40, BOX_ADMIN_KEY_HASHES="{}")
    kept = azd.kept()
    assert list(json.loads(kept["BOX_ADMIN_KEY_HASHES"])) == ["default", "ops"]
    assert list(json.loads(kept["BOX_KEY_HASHES"])) == ["default"]
    assert key not in done.stdout + done.stderr + kept["BOX_ADMIN_KEY_HASHES"]
    monkeypatch.setenv("BOX_ADMIN_KEYS", kept["BOX_ADMIN_KEY_HASHES"])
    assert Settings().box_admin_keys["default"].get_secret_value().startswith("sha256:")


def test_an_administrators_key_is_no_owners(azd: Azd):
    done = azd.run("preprovision.py", BOX_API_KEY="k" * 40, BOX_ADMIN_KEY="k" * 40)
    assert done.returncode != 0
    assert "one key opens one kind of routes" in done.stderr
    assert azd.kept() == {}


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


class Arm:
    """As much of Azure Resource Manager as the hook needs: a connection is connected once its code is confirmed."""

    url = ""
    status = "Error"
    refuses = False

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        #: Where the sign-in sends the browser, once it is known.
        self.back: queue.Queue[str] = queue.Queue()


class ArmRequest(Quiet, BaseHTTPRequestHandler):
    arm: Arm

    def do_GET(self) -> None:
        self.answer({"properties": {"statuses": [{"status": self.arm.status}]}})

    def do_POST(self) -> None:
        self.answer({"value": [{"link": "https://consent.example/sign-in"}]})
        path, body = self.arm.asked[-1]
        if "/listConsentLinks?" in path:
            self.arm.back.put(body["parameters"][0]["redirectUrl"])
        elif body["code"] == CODE:
            self.arm.status = "Connected"

    def answer(self, body: object) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.arm.asked.append((self.path, json.loads(content or "null")))
        authorized = self.headers["Authorization"] == f"Bearer {TOKEN}" and not self.arm.refuses
        self.send_response(200 if authorized else 403)
        self.end_headers()
        if "/confirmConsentCode?" not in self.path:  # Azure answers that one with nothing
            self.wfile.write(json.dumps(body).encode())


@pytest.fixture
def arm() -> Iterator[Arm]:
    arm = Arm()
    with listening(type("Request", (ArmRequest,), {"arm": arm})) as arm.url:
        yield arm


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


def test_afterwards_the_hook_names_settings_that_were_changed_by_hand(
    postprovision: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    postprovision.main()
    assert "portal, and" not in capsys.readouterr().out
    monkeypatch.setenv("SETTINGS_KEPT", "MAX_TURNS RETENTION_DAYS")
    monkeypatch.setenv("SETTINGS_OVERRULED", "CORS_ORIGINS")
    postprovision.main()
    said = capsys.readouterr().out
    assert "left as they are: MAX_TURNS, RETENTION_DAYS\n" in said
    assert "delete it there, then: azd provision --no-state\n" in said  # azd skips what it takes for deployed already
    assert "which has won: CORS_ORIGINS\n" in said


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Somebody sits at the terminal; what is written to the number is typed."""
    keyboard, screen = pty.openpty()
    with open(screen, closefd=True) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield keyboard
    os.close(keyboard)


@contextmanager
def browser(arm: Arm, *paths: str) -> Iterator[list[int]]:
    """Somebody follows the link, signs in and is sent back to each of the paths below the hook's address."""
    answers: list[int] = []

    def come_back() -> None:
        back = arm.back.get(timeout=10)
        for path in paths:
            try:
                with urlopen(urljoin(back, path) if path.startswith("/") else back + path) as answer:
                    answers.append(answer.status)
            except HTTPError as error:
                answers.append(error.code)
                error.close()

    thread = threading.Thread(target=come_back)
    thread.start()
    yield answers
    thread.join()


def test_without_a_terminal_the_portal_is_all_that_is_offered(
    postprovision: ModuleType, arm: Arm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with open(os.devnull) as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        assert postprovision.main() == 0
    said = capsys.readouterr().out
    assert f"https://portal.azure.com/#resource{CONNECTION}" in said
    assert [path for path, _ in arm.asked] == [f"{CONNECTION}?api-version=2016-06-01"]


def test_a_sign_in_is_confirmed_and_connects_the_mailbox(
    postprovision: ModuleType, arm: Arm, terminal: int, capsys: pytest.CaptureFixture[str]
):
    with browser(arm, "/favicon.ico", f"?code={CODE}&state=x") as answers:
        assert postprovision.main() == 0
    said = capsys.readouterr().out
    assert answers == [404, 200], "the address without its secret is nobody's"
    assert "https://consent.example/sign-in" in said
    assert "The mailbox is connected." in said
    assert CODE not in said
    me = {"objectId": "me", "tenantId": "home"}
    links, confirmed = arm.asked[1:3]
    assert links[0] == f"{CONNECTION}/listConsentLinks?api-version=2016-06-01"
    [parameter] = links[1]["parameters"]
    assert re.fullmatch(r"http://localhost:\d+/[\w-]{20,}", parameter.pop("redirectUrl"))
    assert parameter == {"parameterName": "token", **me}
    assert confirmed == (f"{CONNECTION}/confirmConsentCode?api-version=2016-06-01", {"code": CODE, **me})


def test_a_code_that_azure_does_not_take_is_told(
    postprovision: ModuleType, arm: Arm, terminal: int, capsys: pytest.CaptureFixture[str]
):
    with browser(arm, "?code=another"):
        assert postprovision.main() == 0
    assert "does not say Connected" in capsys.readouterr().out


def test_a_refused_consent_confirms_nothing(
    postprovision: ModuleType, arm: Arm, terminal: int, capsys: pytest.CaptureFixture[str]
):
    with browser(arm, "?error=access_denied"):
        assert postprovision.main() == 0
    assert "Nobody signed in" in capsys.readouterr().out
    assert not any("confirm" in path for path, _ in arm.asked)


def test_enter_goes_on_without_a_sign_in(
    postprovision: ModuleType, arm: Arm, terminal: int, capsys: pytest.CaptureFixture[str]
):
    os.write(terminal, b"\n")
    assert postprovision.main() == 0
    assert "Nobody signed in" in capsys.readouterr().out


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
    assert "HTTP Error 403" in said


def test_without_anything_deployed_the_hook_is_silent(azd: Azd):
    done = azd.run("postprovision.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
