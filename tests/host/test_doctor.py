"""`box doctor`: what is wrong with a box, a line each, and an exit code for scripts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from tests import azurite
from tests.contract.conftest import azurite_installed  # noqa: F401  a fixture
from tests.durability.conftest import model_url  # noqa: F401  a fixture
from tests.durability.hosts import free_port
from tests.fakes.listening import listening
from tests.host.test_command_line import box
from tests.host.test_program import KEY, program


def lines(said) -> dict[str, str]:
    """What was found of each thing, with its mark."""
    return {line[2:15].strip(): f"{line[0]} {line[15:]}" for line in said.stdout.splitlines()}


def doctor(folder: Path, *words: str, **settings: str):
    return box("doctor", *words, folder=folder, BOX_HOME=str(folder / "box"), **{"SANDBOX": "none"} | settings)


@contextmanager
def answering(status: int, date: str = "", models: list[dict] | None = None) -> Iterator[str]:
    """A server that answers everything but for its models with this status, and believes that it is this date."""

    class Answer(BaseHTTPRequestHandler):
        def handle_one_request(self):
            self.raw_requestline = self.rfile.readline()
            if self.raw_requestline and self.parse_request():
                listed = models is not None and self.path.endswith("/models")
                body = json.dumps({"object": "list", "data": models}).encode() if listed else b""
                self.send_response_only(200 if listed else status)
                self.send_header("Date", date or self.date_time_string())
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    with listening(Answer) as url:
        yield f"{url}/v1"


def test_a_box_that_works_is_told_in_lines_without_a_crack(tmp_path):
    said = doctor(tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    found = lines(said)
    assert {name for name, words in found.items() if words[0] != "✓"} == {"sandbox"}, "it is switched off"
    assert found["records"] == "✓ written and read, in format 1.0"
    assert found["queues"] == "✓ 0 in runs, 0 in ingestion"
    assert found["model"].startswith("✓ offline demo")
    with closing(sqlite3.connect(tmp_path / "box/box.db")) as file:
        assert file.execute("SELECT count(*) FROM records").fetchone() == (0,), "it leaves nothing behind"
    assert not [path for path in (tmp_path / "box/blobs").rglob("*") if path.is_file()]


def test_programs_get_json(tmp_path):
    document = json.loads(doctor(tmp_path, "--json").stdout)
    assert document["ok"] is True
    assert {"check": "poison", "state": "ok", "words": "none"} in document["findings"]


def test_names_that_nothing_reads_are_told_with_what_may_be_meant(tmp_path):
    (tmp_path / ".env").write_text("MODEL_ALIAS={}\n")
    said = doctor(tmp_path, BOX_PROT="1", BOX_SOMETHING="2", OPENAI_BASE_ULR="http://127.0.0.1:1")
    assert said.returncode == 0
    for words in (
        "BOX_PROT is no setting, nothing reads it; is BOX_PORT meant?",
        "BOX_SOMETHING is no setting, nothing reads it\n",
        "MODEL_ALIAS is no setting, nothing reads it; is MODEL_ALIASES meant?",
        "OPENAI_BASE_ULR is no setting, nothing reads it; is OPENAI_BASE_URL meant?",
    ):
        assert f"! settings     {words}" in said.stdout


def test_settings_that_cannot_be_read_are_told_as_run_tells_them(tmp_path):
    wrong = {"BOX_PORT": "abc", "SANDBOX": "docker"}
    said = doctor(tmp_path, **wrong)
    assert said.returncode == 1
    told = [line.removeprefix("✗ settings     ") for line in said.stdout.splitlines()]
    assert told == box("run", **wrong).stderr.splitlines()


def test_a_database_that_is_none_is_told_as_run_tells_it(tmp_path):
    home = tmp_path / "box"
    home.mkdir(0o700)
    (home / "box.db").write_text("a letter, not a database" * 100)
    said = doctor(tmp_path)
    assert said.returncode == 1
    assert lines(said)["start"] == f"✗ BOX_HOME: {home} cannot be used: file is not a database"


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "The model's server refuses the key (401)."), (404, "The model's server has no list of models"),
     (500, "The model's server has a fault of its own (500).")],
)  # fmt: skip
def test_a_model_that_does_not_answer_is_told_plainly(tmp_path, status, words):
    with answering(status) as url:
        said = doctor(tmp_path, BOX_MODEL_BASE_URL=url, BOX_MODEL_API_KEY="sk-secret", EMBEDDING_MODEL="")
    assert said.returncode == 1
    assert lines(said)["model"].startswith(f"✗ {words}")
    assert "sk-secret" not in said.stdout + said.stderr


def test_a_model_is_asked_for_a_word_if_it_is_wanted(tmp_path, model_url):  # noqa: F811
    model = {"BOX_MODEL_BASE_URL": model_url, "BOX_MODEL_API_KEY": "none", "MODEL_ALIASES": '{"*": "m"}'}
    assert "answer" not in lines(doctor(tmp_path, **model))
    assert lines(doctor(tmp_path, "--ask", **model))["answer"] == "✓ m was asked for a word, and answered"


def test_the_environments_own_model_is_announced(tmp_path):
    with answering(200) as url:
        said = doctor(tmp_path, OPENAI_BASE_URL=url, OPENAI_API_KEY="sk-mine")
    words = "! the model comes from OPENAI_BASE_URL, OPENAI_API_KEY of your environment, which other programs read, too"
    assert lines(said)["address"] == words


def test_a_box_that_is_its_own_model_is_told(tmp_path):
    said = doctor(tmp_path, BOX_PORT="7999", OPENAI_BASE_URL="http://localhost:7999/v1", OPENAI_API_KEY=KEY)
    assert lines(said)["address"] == "! OPENAI_BASE_URL is this box's own address: it and its key are not used"


def test_a_clock_that_is_wrong_is_told(tmp_path):
    with answering(404, "Sat, 01 Jan 2000 00:00:00 GMT") as url:
        said = doctor(tmp_path, BOX_MODEL_BASE_URL=url, EMBEDDING_MODEL="")
    assert lines(said)["clock"].startswith("✗ ")
    assert "s ahead of the server's" in lines(said)["clock"]


def test_a_logic_app_that_is_away_is_told_and_nothing_is_sent(tmp_path):
    said = doctor(tmp_path, SEND_EMAIL_URL=f"http://127.0.0.1:{free_port()}/mail")
    assert lines(said)["logic apps"] == "✗ SEND_EMAIL_URL: the host does not answer"


def test_runs_that_nobody_looks_after_are_told(tmp_path):
    assert doctor(tmp_path).returncode == 0
    with closing(sqlite3.connect(tmp_path / "box/box.db")) as file:
        row = ("me:thread_1", "run_1", '{"_format": "1.0"}', 1, 1)
        file.execute("INSERT INTO records (partition, key, data, version, due) VALUES (?, ?, ?, ?, ?)", row)
        file.commit()
    said = doctor(tmp_path)
    assert said.returncode == 1
    assert lines(said)["overdue"].startswith("✗ 1 runs for more than 2 hours")


def test_a_storage_account_is_asked_and_its_poison_told(tmp_path, azurite_installed):  # noqa: F811
    with azurite.running(tmp_path) as account:
        found = lines(doctor(tmp_path, AzureWebJobsStorage=account, BOX_API_KEYS=json.dumps({"me": KEY})))
    assert found["records"] == "✓ written and read, in format 1.0"
    assert found["files"] == "✓ written and read"
    assert found["poison"] == "✓ none"


def test_a_storage_account_that_refuses_what_it_is_asked_is_told_with_its_answer(tmp_path):
    with answering(400) as url:
        ports = dict.fromkeys(("blob", "queue", "table"), int(url.split(":")[2].removesuffix("/v1")))
        settings = {"AzureWebJobsStorage": azurite.connection_string(ports), "BOX_API_KEYS": json.dumps({"me": KEY})}
        found = lines(doctor(tmp_path, **settings))
    assert [found[each].split(" (")[0] for each in ("records", "files", "queues")] == ["✗ answers 400"] * 3


@pytest.mark.long
def test_a_storage_account_that_is_away_is_told(tmp_path):
    names = ("Blob", "Queue", "Table")
    ports = {name.lower(): free_port() for name in names}
    settings = {"AzureWebJobsStorage": azurite.connection_string(ports), "BOX_API_KEYS": json.dumps({"me": KEY})}
    said = doctor(tmp_path, **settings)
    assert said.returncode == 1
    assert lines(said)["records"].startswith("✗ could not be reached")
    assert azurite.KEY not in said.stdout + said.stderr


def test_a_box_elsewhere_is_looked_at_as_a_client_sees_it(tmp_path):
    keys = {"BOX_HOME": str(tmp_path / "box"), "BOX_API_KEYS": json.dumps({"me": KEY})}
    with program("run", **keys) as there:
        there.greet()
        url = f"http://127.0.0.1:{there.port}"
        fine = box("doctor", "--url", f"{url}/v1", "--key", KEY)
        wrong = box("doctor", "--url", url, "--key", "sk-wrong")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert lines(fine) == {
        "address": f"✓ {url}",
        "clock": "✓ agrees with the server's",
        "model": "✓ offline demo",
        "storage": "✓ answers",
        "poison": "✓ none",
        "key": "✓ is accepted",
        "endings": "✓ no model of the settings ends soon",
    }
    assert wrong.returncode == 1
    assert lines(wrong)["key"].startswith("✗ 401: Incorrect API key provided")
    away = box("doctor", "--url", url, "--key", KEY)
    assert (away.returncode, lines(away)["address"]) == (1, f"✗ nothing answers at {url} (ConnectError)")


def test_records_of_a_later_version_are_told(tmp_path):
    doctor(tmp_path)
    with closing(sqlite3.connect(tmp_path / "box/box.db")) as file:
        for number, data in enumerate(('{"a": 1}', '{"_format": "1.7"}')):
            file.execute("INSERT INTO records (partition, key, data, version) VALUES ('x', ?, ?, 1)", (number, data))
        file.commit()
        newer = lines(doctor(tmp_path))["formats"]
        assert newer == "! 1 in 1.0, 1 in 1.7: written by a later version, whose fields are kept (2 looked at)"
        rows = [(f"_{number:04}", '{"_format": "1.0"}') for number in range(1000)]
        rows.insert(0, ("-", '{"_format": "2.0"}'))
        file.executemany("INSERT INTO records (partition, key, data, version) VALUES ('x', ?, ?, 1)", rows)
        file.commit()
    some = doctor(tmp_path)
    assert lines(some)["formats"] == "✓ 1000 in 1.0 (1000 looked at; --deep looks at all)"
    every = doctor(tmp_path, "--deep")
    assert every.returncode == 1
    assert lines(every)["formats"].startswith("✗ 1001 in 1.0, 1 in 1.7, 1 in 2.0: this version reads formats up to 1.0")


def test_damaged_records_are_counted(tmp_path):
    doctor(tmp_path)
    with closing(sqlite3.connect(tmp_path / "box/box.db")) as file:
        for number, data in enumerate(('{"a": 1}', '{"half', "[1]", '{"_format": "x"}')):
            file.execute("INSERT INTO records (partition, key, data, version) VALUES ('x', ?, ?, 1)", (number, data))
        file.commit()
    told = lines(doctor(tmp_path))["formats"]
    assert told.startswith("✗ 1 in 1.0, 3 in unreadable: unreadable ones are damaged or another program's")


def test_a_model_that_ends_soon_and_one_that_makes_no_vectors_are_told(tmp_path):
    soon = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    model = {"id": "old", "object": "model", "created": 1, "owned_by": "openai", "shutdown_date": soon}
    with answering(404, models=[model]) as url:
        settings = {"BOX_MODEL_BASE_URL": url, "BOX_MODEL_API_KEY": "none", "MODEL_ALIASES": '{"*": "old"}'}
        found = lines(doctor(tmp_path, **settings))
    assert found["model"].endswith("answers, with old")
    assert found["endings"] == f"! old ends on {soon}: name another in MODEL_ALIASES."
    assert found["vectors"].startswith("! the endpoint has no text-embedding-3-small: hashed words stand in")


def test_an_endpoint_that_lets_nobody_embed_is_told(tmp_path):
    with answering(403) as url:
        found = lines(doctor(tmp_path, BOX_MODEL_BASE_URL=url, BOX_MODEL_API_KEY="none"))
    assert found["vectors"][0] == "✗"


def test_a_session_pool_that_is_away_is_told(tmp_path):
    pool = {"SANDBOX": "aca", "SANDBOX_POOL_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    said = doctor(tmp_path, **pool)
    assert said.returncode == 1
    assert lines(said)["sandbox"].startswith("✗ not run: ")


def test_poison_that_waits_for_a_person_is_told(tmp_path, azurite_installed):  # noqa: F811
    with azurite.running(tmp_path) as account:
        with QueueClient.from_connection_string(account, "runs-poison") as queue:
            queue.create_queue()
            queue.send_message("not base64")
        said = doctor(tmp_path, AzureWebJobsStorage=account, BOX_API_KEYS=json.dumps({"me": KEY}))
    assert said.returncode == 1
    assert lines(said)["poison"] == "✗ 1 that nobody can read: see `poison list`"
    assert lines(said)["formats"] == "✓ none (0 looked at)"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("localhost:4318", "not the address of a collector"),
        ("ftp://collector.example", "not the address of a collector"),
        ("http://127.0.0.1:{port}", "no answer (ConnectError)"),
    ],
)
def test_a_collector_that_nobody_can_tell_anything_is_told(tmp_path, address, words):
    said = doctor(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=address.format(port=free_port()))
    assert said.returncode == 1
    assert lines(said)["telemetry"].startswith(f"✗ OTEL_EXPORTER_OTLP_ENDPOINT: {words}")


@pytest.mark.parametrize(
    ("status", "words"), [(200, "✓ the collector takes it"), (401, "✗ the collector refuses the box (401)")]
)
def test_a_collector_is_asked_whether_it_takes_what_it_is_told(tmp_path, status, words):
    with answering(status) as url:
        said = doctor(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert lines(said)["telemetry"].startswith(words)


@pytest.mark.parametrize("address", ["http://127.0.0.1/hook", "https://1.1.1.1:8443/hook"])
def test_a_webhook_to_whom_nothing_will_be_sent_is_told_without_its_address(tmp_path, address):
    webhooks = {"shop": {"url": address, "secret": "whsec_bm90LXJlYWxseS1hLXNlY3JldC1hdC1hbGwu"}}
    said = doctor(tmp_path, WEBHOOKS=json.dumps(webhooks))
    assert said.returncode == 1
    assert lines(said)["webhooks"].startswith("✗ shop: nothing is sent to its address: WEBHOOK_ALLOWED_HOSTS names")
    assert "/hook" not in said.stdout
    port = address.split("/")[2] if ":8443" in address else "127.0.0.1"
    allowed = doctor(tmp_path, WEBHOOKS=json.dumps(webhooks), WEBHOOK_ALLOWED_HOSTS=port)
    assert lines(allowed)["webhooks"].startswith("✓ shop")
