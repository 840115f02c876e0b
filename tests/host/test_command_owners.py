"""`box owners`: who may call a box, seen and changed from its folder, and from elsewhere by an administrator."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.demo import OFFLINE
from tests import azurite
from tests.contract.conftest import azurite_installed  # noqa: F401  a fixture
from tests.host.test_command_line import box
from tests.host.test_program import KEY, Program, program
from tests.waiting import until

ADMIN = "sk-admin-of-a-program"


@dataclass
class Governed:
    """A running box with an administrator."""

    settings: dict[str, str]
    host: Program

    def here(self, *words: str):
        return box(*words, **self.settings)

    def there(self, *words: str):
        return box(*words, "--url", f"http://127.0.0.1:{self.host.port}", "--key", ADMIN)

    def takes(self, key: str) -> bool:
        """Whether the running host takes a key, which it may have to look for: once a second."""
        until = time.monotonic() + 10
        while self.status(key) != 200 and time.monotonic() < until:
            time.sleep(0.2)
        return self.status(key) == 200

    def status(self, key: str) -> int:
        with self.host.http(key) as http:
            return http.get("threads").status_code


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    settings = {
        "BOX_HOME": str(tmp_path_factory.mktemp("home")),
        "BOX_API_KEYS": json.dumps({"ann": KEY}),
        "BOX_ADMIN_KEYS": json.dumps({"ops": ADMIN}),
        "SANDBOX": "none",
    }
    with program("run", **settings) as host:
        host.greet()
        yield Governed(settings, host)


WAYS = pytest.mark.parametrize("way", ["here", pytest.param("there", marks=pytest.mark.long)])


@WAYS
def test_an_owner_comes_and_goes_while_the_box_runs(governed: Governed, way: str):
    ask, name = getattr(governed, way), f"ben-{way}"
    added = ask("owners", "add", name)
    key = added.stdout.strip()
    assert re.fullmatch(r"box-[\w-]{43}", key)
    assert re.search(rf"^key_\w+ for {name}, shown this once", added.stderr)
    assert governed.takes(key)

    heads, *rows = ask("owners", "list").stdout.splitlines()
    assert heads.split() == ["owner", "key", "made", "from"]
    assert any(row.split() == ["ann", "-", "-", "settings", "(BOX_API_KEYS)"] for row in rows)
    assert any(re.fullmatch(rf"{name} +key_\w+ +20[-\d: ]+ +storage", row) for row in rows)

    rotated = json.loads(ask("owners", "rotate", name, "--json").stdout)
    assert governed.takes(rotated["key"])
    removed = ask("owners", "remove", name, "--key-id", rotated["id"], "--yes")
    assert removed.stdout == f"{rotated['id']}  removed\n"
    assert removed.stderr == f"They stop within 10 seconds. What belongs to {name} stays.\n"
    listed = json.loads(ask("owners", "list", "--json").stdout)
    assert name not in [each["name"] for each in listed]
    if way == "there":
        assert [governed.status(each) for each in (key, rotated["key"])] == [401, 401]


@WAYS
@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["rotate", "ann"], 1, "The key of ann is in BOX_API_KEYS "),
        (["remove", "zoe", "--yes"], 1, "No owner found with id 'zoe'."),
        (["add", "a/b"], 2, "'a/b' is no owner's name: letters, digits, - and _"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(governed: Governed, way: str, words: list[str], code: int, line: str):
    said = getattr(governed, way)("owners", *words)
    assert (said.returncode, said.stdout) == (code, "")
    assert said.stderr.startswith(line)


def test_only_an_administrators_key_leads_there(governed: Governed):
    url = f"http://127.0.0.1:{governed.host.port}"
    owners = box("owners", "list", "--url", url, "--key", KEY)
    assert (owners.returncode, owners.stdout) == (1, "")
    assert owners.stderr.startswith("This key is an owner's: ")
    without = box("owners", "list", "--url", url)
    assert without.stderr == "The key is missing: --key, or BOX_ADMIN_KEY in the environment.\n"
    administrators = box("threads", "list", "--url", url, "--key", ADMIN)
    assert administrators.stderr.startswith("This key is an administrator's ")
    assert box("owners", "list", "--url", url, BOX_ADMIN_KEY=ADMIN).returncode == 0


def test_no_secret_is_in_the_log_of_the_host(tmp_path: Path):
    settings = {"BOX_HOME": str(tmp_path), "BOX_ADMIN_KEYS": json.dumps({"ops": ADMIN})}
    with program("run", **settings) as host:
        host.greet()
        made = box("owners", "add", "ben", "--url", f"http://127.0.0.1:{host.port}", BOX_ADMIN_KEY=ADMIN)
        _, said, log = host.stop(2)
    assert "action=key_made owner=ben key_id=key_" in log
    assert "admin=ops" in log
    for secret in (ADMIN, made.stdout.strip()):
        assert secret not in host.greeting + said + log


def test_a_box_without_administrators_says_so(tmp_path: Path):
    with program("run", BOX_HOME=str(tmp_path)) as host:
        host.greet()
        said = box("owners", "list", "--url", f"http://127.0.0.1:{host.port}", "--key", ADMIN)
    assert said.returncode == 1
    assert said.stderr == "That box has no administrators, or is an older one: BOX_ADMIN_KEYS there names them.\n"


def test_a_box_without_settings_lists_the_owner_of_its_own_key(tmp_path: Path):
    listed = json.loads(box("owners", "list", "--json", BOX_HOME=str(tmp_path)).stdout)
    assert [each["name"] for each in listed] == ["default"]


@pytest.mark.long
def test_owners_of_a_storage_account_are_managed_without_a_host(tmp_path: Path, azurite_installed):  # noqa: F811
    with azurite.running(tmp_path) as account:
        settings = {"AzureWebJobsStorage": account, "BOX_API_KEYS": json.dumps({"ann": KEY})}
        for name in ("ben", "ben", "zoe"):
            assert box("owners", "add", name, **settings).returncode == 0
        box("owners", "rotate", "ben", **settings)
        box("owners", "remove", "zoe", "--yes", **settings)
        listed = json.loads(box("owners", "list", "--json", **settings).stdout)
    assert [(each["name"], len(each["keys"])) for each in listed] == [("ann", 0), ("ben", 1)]


@WAYS
def test_what_owners_have_used_is_told_as_a_table_json_and_csv(governed: Governed, way: str):
    ask = getattr(governed, way)
    with governed.host.http(KEY) as http:
        assistant = http.post("assistants", json={"model": "demo"}).json()["id"]
        body = {"assistant_id": assistant, "stream": True, "thread": {"messages": [{"role": "user", "content": "Hi"}]}}
        assert "thread.run.completed" in http.post("threads/runs", json=body).text
        until(lambda: http.get("usage").json()["data"])  # a moment after the run's end

    [group] = json.loads(ask("usage", "--json", "--owner", "ann", "--by", "owner,model").stdout)
    assert (group["owner"], group["model"]) == ("ann", OFFLINE)
    assert group["runs"] >= 1
    heads, line = ask("usage").stdout.splitlines()[:2]
    assert heads.split()[:2] == ["owner", "runs"]
    assert line.split()[:2] == ["ann", str(group["runs"])]
    assert ask("usage", "--csv").stdout.splitlines()[1].startswith(",ann,")
    assert ask("usage", "--csv", "--json").returncode == 2
    assert "planet" in ask("usage", "--by", "planet").stderr
