"""What operators are told of: each query of infra/queries finds what it is for in the log, and nothing else."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.source import log_events
from tests.infra.infra_tree import PROJECT, Tree
from tests.infra.log_analytics import QUERIES, Workspace

INFO, WARNING, ERROR = logging.INFO, logging.WARNING, logging.ERROR
NAMES = sorted(path.stem for path in QUERIES.glob("*.kql"))
ENDED = {"owner": "me", "code": None, "seconds": 4.2, "turns": 2, "prompt_tokens": 900, "cached_tokens": 700}
MORE = {"completion_tokens": 40, "model": "gpt-4o"}


@pytest.fixture
def workspace() -> Workspace:
    return Workspace()


def an_ordinary_hour(workspace: Workspace) -> None:
    """What a box logs that works."""
    for number in range(20):
        run_id = f"run_{number}"
        workspace.log("run_queued", run_id=run_id, owner="me", ago=600, operation=f"http-{number}")
        workspace.log("run_claimed", run_id=run_id, ago=599, operation=f"queue-{number}")
        if number < 5:
            retry = {"model": "gpt", "status": 429, "reason": "slow down", "delay": 2.5}
            workspace.log("model_retried", WARNING, **retry, ago=598, operation=f"queue-{number}")
        workspace.log("run_ended", run_id=run_id, status="completed", **ENDED, **MORE, ago=590)
    workspace.log(
        "file_ingested", vector_store_id="vs_1", file_id="file-1", status="completed", code=None, settled=True
    )
    broken = {"status": "failed", "code": "invalid_file", "settled": True}
    workspace.log("file_ingested", vector_store_id="vs_1", file_id="file-2", **broken)
    workspace.log("overdue", key="vs_9")
    workspace.log("over_budget", owner="me", limit="tokens_per_minute", allowed=1000.0, set_by="operator")
    workspace.log("over_budget", owner="me", limit="tokens_per_day", allowed=100.0, set_by="owner")
    workspace.log("run_failed", WARNING, run_id="run_7")


#: Alert -> what must be in the log for it, as (action, level, seconds ago, fields).
CAUSES: dict[str, list[tuple[str, int, float, dict[str, object]]]] = {
    "poison": [
        ("run_poisoned", ERROR, 60, {"run_id": "run_p"}),
        ("indexing_poisoned", ERROR, 60, {"vector_store_id": "vs_1", "kind": "files"}),
        ("backup_failed", ERROR, 60, {"backup": "b"}),
        ("poison_unreadable", ERROR, 60, {"queue": "runs-poison", "message_id": "m"}),
    ],
    "overdue_runs": [
        ("overdue", INFO, 60, {"key": "run_late"}),
        ("overdue_kept", WARNING, 60, {"key": "run_late"}),
    ],
    "queue_age": [("run_queued", INFO, 150, {"run_id": "run_waits", "owner": "me"})],
    "failed_indexing": [
        ("file_ingested", INFO, 60, {"file_id": "file-3", "status": "failed", "code": "server_error", "settled": True}),
    ],
    "budget": [
        ("over_budget", WARNING, 60, {"owner": "me", "limit": "tokens_per_day", "set_by": "operator"}),
        ("over_budget", WARNING, 60, {"owner": "me", "limit": "cost_per_month", "set_by": "operator"}),
    ],
    "health": [
        ("health_failing", WARNING, 60, {"status": "failing", "model": "The model's server refuses the key (401)."}),
        ("nobody_may_call", ERROR, 60, {}),
    ],
}  # fmt: skip
ALERTS = [*CAUSES, "throttled"]


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_silent_while_the_box_works(workspace: Workspace, alert: str):
    an_ordinary_hour(workspace)
    assert workspace.ask(alert) == []


@pytest.mark.parametrize(("alert", "cause"), [(alert, each) for alert, causes in CAUSES.items() for each in causes])
def test_an_alert_speaks(workspace: Workspace, alert: str, cause: tuple[str, int, float, dict[str, object]]):
    an_ordinary_hour(workspace)
    action, level, ago, fields = cause
    workspace.log(action, level, ago=ago, **fields)
    assert [row["found"] for row in workspace.ask(alert)] == [1]
    others = {other for other in ALERTS if other != alert and workspace.ask(other)}
    assert others == set()


def test_an_alert_tells_of_throttling_by_its_share(workspace: Workspace):
    an_ordinary_hour(workspace)
    for _ in range(10):
        workspace.log("model_gave_up", WARNING, model="gpt", status=429, code="rate_limit_exceeded", reason="quota")
    workspace.log("model_retried", WARNING, model="gpt", status=500, reason="a word about status=429")
    (row,) = workspace.ask("throttled")
    assert (row["refusals"], row["answers"]) == (15, 40)


def test_a_run_that_is_taken_or_over_does_not_wait(workspace: Workspace):
    for run_id, end in (("run_a", "run_claimed"), ("run_b", "run_ended")):
        workspace.log("run_queued", run_id=run_id, owner="me", ago=300)
        workspace.log(end, run_id=run_id, ago=200)
    workspace.log("run_queued", run_id="run_c", owner="me", ago=30)
    assert workspace.ask("queue_age") == []
    workspace.log("run_queued", run_id="run_a", owner="me", ago=150)  # its outputs came, and nobody goes on
    assert [row["found"] for row in workspace.ask("queue_age")] == [1]


def test_a_run_has_its_story(workspace: Workspace):
    an_ordinary_hour(workspace)
    told = workspace.ask("run_story", run_id="run_4")
    assert [row["action"] for row in told] == ["run_queued", "run_claimed", "model_retried", "run_ended"]
    assert not any("run_5" in row["Message"] for row in told)
    assert workspace.ask("run_story", run_id="run_none") == []


def test_the_workbook_counts(workspace: Workspace):
    an_ordinary_hour(workspace)
    assert [(row["status"], row["runs"]) for row in workspace.ask("runs")] == [("completed", 20)]
    assert [(row["half"], row["most"]) for row in workspace.ask("durations")] == [(4.2, 4.2)]
    (tokens,) = workspace.ask("tokens")
    assert (tokens["model"], tokens["prompt"], tokens["cached"], tokens["completion"]) == ("gpt-4o", 18000, 14000, 800)
    (waits,) = workspace.ask("queue_waits")
    assert waits["half"] == pytest.approx(1, abs=0.1)
    assert [(row["action"], row["times"]) for row in workspace.ask("failures")] == [
        ("model_retried", 5),
        ("run_failed", 1),
    ]
    assert [(row["owner"], row["runs"], row["tokens"]) for row in workspace.ask("owners")] == [("me", 20, 18800)]
    assert {(row["status"], row["files"]) for row in workspace.ask("files")} == {("completed", 1), ("failed", 1)}


# What holds the queries, the code, the templates and the page together. Each says what is wrong.


def events() -> dict[str, set[str]]:
    """Every event that the code logs, with its fields."""
    found: dict[str, set[str]] = {}
    for name, fields in re.findall(r"^\| `(\w+)` \| [\w, ]* \| (.*?) \|", log_events(), re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"`(\w+)", fields))
    return found


def queries_name_what_is_logged(folder: Path) -> Iterator[str]:
    """An action that nothing logs, or a field that none of a query's events carries, would never be found."""
    logged = events()
    for path in sorted(folder.glob("*.kql")):
        text = path.read_text()
        compared = re.findall(r"\baction (?:==|in) (\([^)]*\)|'\w+')", text)
        named = set(re.findall(r"'(\w+)'", " ".join(compared)))
        yield from (f"{path.name}: nothing logs {name}" for name in sorted(named - set(logged)))
        carried = set().union(*(logged.get(name, set()) for name in named), {"action"})
        if named & {"model_retried", "model_gave_up"}:
            carried |= {"status", "code", "reason"}  # facts(…) of a failed call
        for field in re.findall(r"\\b(\w+)=", text):
            if field not in carried:
                yield f"{path.name}: none of {sorted(named)} carries {field}"


def test_queries_name_what_is_logged():
    assert list(queries_name_what_is_logged(QUERIES)) == []


@pytest.mark.parametrize(
    ("query", "old", "new"),
    [
        ("poison", "'run_poisoned'", "'run_poisonned'"),
        ("runs", "== 'run_ended'", "== 'run_finished'"),
        ("queue_age", "'run_claimed', ", "'run_taken', "),
        ("tokens", "cached_tokens=", "cache_tokens="),
        ("failed_indexing", "code=", "reason="),
    ],
)
def test_a_name_that_nothing_logs_is_found(tmp_path: Path, query: str, old: str, new: str):
    shutil.copytree(QUERIES, tmp_path / "queries")
    path = tmp_path / f"queries/{query}.kql"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert list(queries_name_what_is_logged(tmp_path / "queries"))


def test_every_query_is_deployed_and_every_alert_is_tested(tree: Tree):
    templates = "".join(path.read_text() for path in (PROJECT / "infra/modules").glob("*.bicep"))
    deployed = re.findall(r"loadTextContent\('\.\./queries/(\w+)\.kql'\)", templates)
    assert sorted(deployed) == NAMES
    alerts = [rule["query"].arguments[0] for rule in tree.of("var", "infra/modules/alerts.bicep")["rules"].value]
    assert sorted(alerts) == sorted(f"../queries/{name}.kql" for name in ALERTS)
