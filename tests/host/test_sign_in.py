"""The link that a host prints: it signs in once and soon, in whatever process its code is taken."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.api.conftest import below
from tests.host.test_command_line import box
from tests.host.test_program import KEY, Program, program
from tests.waiting import until

LINK = re.compile(r"http://\S+/playground#sign-in=(\S+)")
KEYS = {"BOX_API_KEYS": json.dumps({"ann": KEY, "ben": "sk-ben"})}


def taken(host: Program, code: str) -> httpx.Response:
    """What the page is answered when it brings the code."""
    with below(f"http://127.0.0.1:{host.port}/") as http:
        return http.post("playground/sign_in", content=code)


def test_the_code_of_the_greeting_buys_the_key_once(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path)) as host:
        code = LINK.search(host.greet())[1]
        [got, *refused] = sorted((taken(host, code) for _ in range(3)), key=lambda answer: answer.status_code)
        assert got.json() == {"key": (tmp_path / "api_key").read_text().strip()}
        assert [answer.status_code for answer in refused] == [401, 401]
        assert got.headers["cache-control"] == "no-store"
        with host.http(got.json()["key"]) as http:
            assert http.get("assistants").status_code == 200
        _, said, log = host.stop(signal.SIGINT)
    assert code not in said + log
    assert code not in "".join(path.read_bytes().decode("latin-1") for path in tmp_path.glob("box.db*"))


def test_of_many_who_bring_a_code_one_gets_the_key(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path)) as host:
        code = LINK.search(host.greet())[1]
        with ThreadPoolExecutor(8) as many:
            answers = [*many.map(lambda _: taken(host, code).status_code, range(16))]
    assert sorted(answers) == [200] + 15 * [401]


def test_a_code_is_good_for_two_minutes_and_then_forgotten(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path)) as host:
        code = LINK.search(host.greet())[1]
        with closing(sqlite3.connect(tmp_path / "box.db")) as file:
            [(key, data)] = file.execute("SELECT key, data FROM records WHERE key LIKE 'sign-in-%'")
            made = json.loads(data)
            assert 100 < made["until"] - time.time() <= 120
            late = json.dumps(made | {"until": made["until"] - 121})
            file.execute("UPDATE records SET data = ? WHERE key = ?", (late, key))
            file.commit()
            another = box("link", BOX_HOME=str(tmp_path), BOX_PORT=str(host.port))
            assert LINK.search(another.stdout)
            [(left,)] = file.execute("SELECT key FROM records WHERE key LIKE 'sign-in-%'")
            assert left != key, "what is too old is removed by the next"
        assert taken(host, code).status_code == 401


def test_what_is_no_code_buys_nothing(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path)) as host:
        host.greet()
        for code in ("", "x", "x" * 32, "ü" * 16, "x" * 1_000_000):
            refused = taken(host, code)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_code")


def test_another_process_makes_a_link_for_any_owner(tmp_path: Path):
    settings = {"BOX_HOME": str(tmp_path)} | KEYS
    with program("run", **settings) as host:
        host.greet()
        settings |= {"BOX_PORT": str(host.port)}
        said = box("link", **settings)
        assert (said.returncode, said.stderr) == (0, "")
        assert taken(host, LINK.fullmatch(said.stdout.strip())[1]).json() == {"key": KEY}
        of_ben = json.loads(box("link", "--owner", "ben", "--json", **settings).stdout)["link"]
        assert taken(host, LINK.fullmatch(of_ben)[1]).json() == {"key": "sk-ben"}
        nobody = box("link", "--owner", "cay", **settings)
        assert (nobody.returncode, nobody.stdout) == (1, "")
        assert nobody.stderr == "No key of cay is known here in plain: sign in with the key itself.\n"
        host.stop(signal.SIGINT)
    away = box("link", **settings)
    assert away.returncode == 1
    advice = f"No box listens at 127.0.0.1:{settings['BOX_PORT']}: `(.*python -m shared) run` starts one.\n"
    assert re.fullmatch(advice, away.stderr)


@pytest.mark.parametrize(
    ("options", "settings", "linked"),
    [
        ([], {}, True),
        (["--no-link"], {}, False),
        ([], {"BOX_HOST": "0.0.0.0"}, False),
        (["--link"], {"BOX_HOST": "0.0.0.0"}, True),
        (["--link"], {"BOX_API_KEYS": json.dumps({"ann": f"sha256:{sha256(b'sk').hexdigest()}"})}, False),
    ],
)
def test_a_link_is_printed_where_nobody_else_can_use_it_or_it_is_asked_for(tmp_path, options, settings, linked):
    with program("run", *options, BOX_HOME=str(tmp_path), **settings) as host:
        greeting = host.greet()
    assert (LINK.search(greeting) is not None) == linked
    assert "/playground" in greeting


def test_the_browser_is_opened_with_a_file_that_others_cannot_read(tmp_path: Path):
    shown = tmp_path / "shown"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {shown}.new && mv {shown}.new {shown}\n')
    browser.chmod(0o700)
    home = tmp_path / "home"
    with program("run", "--open", BOX_HOME=str(home), BROWSER=f"{browser} %s") as host:
        code = LINK.search(host.greet())[1]
        until(shown.exists)
    assert shown.read_text() == (home / "sign-in.html").resolve().as_uri()
    assert f"#sign-in={code}" in (home / "sign-in.html").read_text()
    assert stat.S_IMODE((home / "sign-in.html").stat().st_mode) == 0o600


def test_without_a_browser_people_are_told(tmp_path: Path):
    with program("run", "--open", BOX_HOME=str(tmp_path), BROWSER="false", PATH="/nowhere") as host:
        host.greet()
        assert host.process.stdout.readline() == "\n"
        assert host.process.stdout.readline() == "No browser could be opened: open the page yourself.\n"
