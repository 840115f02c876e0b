"""Checks of what an operator is shown and told: the workbook, the alerts, their queries. Each returns what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from tests.infra.bicep_values import Call, Loop, Operation, Path, at, walk
from tests.infra.infra_tree import Tree

ALERTS = "infra/modules/alerts.bicep"
WORKBOOK = "infra/modules/workbook.bicep"
#: Of every rule: asked of the workspace every quarter of an hour, a row is enough, and the mail goes out.
RULE = {
    "kind": "LogAlert",
    "properties.enabled": True,
    "properties.autoMitigate": True,
    "properties.skipQueryValidation": True,
    "properties.scopes": [Path("workspaceId")],
    "properties.evaluationFrequency": "PT15M",
    "properties.windowSize": "PT30M",
    "properties.severity": Path("rule.severity"),
    "properties.actions.actionGroups": [Path("mail.id")],
    "properties.criteria.allOf": [
        {
            "query": Path("rule.query"),
            "timeAggregation": "Count",
            "operator": "GreaterThan",
            "threshold": 0,
            "failingPeriods": {"numberOfEvaluationPeriods": 1, "minFailingPeriodsToAlert": 1},
        }
    ],
}
#: What a chart of a workbook may be.
VISUALIZATIONS = {"barchart", "timechart", "table"}


def files_are_there(tree: Tree) -> Iterator[str]:
    """What a template loads lies where it says."""
    for template, declarations in tree.templates.items():
        for each in declarations:
            for value in walk(each.value):
                if isinstance(value, Call) and value.name.startswith("load"):
                    path = tree.root / template / ".." / value.arguments[0]
                    if not path.resolve().is_file():
                        yield f"{template}: there is no {value.arguments[0]}"


def alerts_reach_somebody(tree: Tree) -> Iterator[str]:
    """Every rule asks its query often enough and mails the one address; without an address there are none."""
    resource = tree.of("resource", ALERTS)["alerts"]
    if not isinstance(resource.value, Loop) or resource.value.source != Path("rules"):
        yield "not every rule is deployed"
    for path, wanted in RULE.items():
        if at(resource.body, path) != wanted or type(at(resource.body, path)) is not type(wanted):
            yield f"{path} is {at(resource.body, path)!r}, not {wanted!r}"
    mail = tree.of("resource", ALERTS)["mail"].body
    if mail["location"] != "global" or not at(mail, "properties.enabled"):
        yield "the action group is not global, or not enabled"
    if not 1 <= len(at(mail, "properties.groupShortName")) <= 12:
        yield "groupShortName must have at most 12 characters"
    if [each["emailAddress"] for each in at(mail, "properties.emailReceivers")] != [Path("email")]:
        yield "the action group does not mail the address"
    module = tree.of("module")["alerts"]
    if module.condition != Operation((Call("empty", (Path("alertEmail"),)),)):
        yield "alerts cost money without an address"
    if tree.of("param")["alertEmail"].value != "":
        yield "alertEmail has an address by default"


def alerts_lead_to_a_cure(tree: Tree) -> Iterator[str]:
    """Each alert has a heading on the page for operators, and each heading there an alert."""
    page = (tree.root / "docs/operate.md").read_text().partition("\n## When an alert comes")[2].partition("\n## ")[0]
    told = set(re.findall(r"^### (\S+)$", page, re.MULTILINE))
    names = {rule["name"] for rule in tree.of("var", ALERTS)["rules"].value}
    yield from (f"docs/operate.md and the alerts differ by {name}" for name in sorted(told ^ names))
    for rule in tree.of("var", ALERTS)["rules"].value:
        if rule["query"].arguments != (f"../queries/{rule['name'].replace('-', '_')}.kql",):
            yield f"{rule['name']} asks {rule['query'].arguments}"
        if rule["severity"] not in range(5):
            yield f"{rule['name']}: severity {rule['severity']}"


def every_line_is_kept(tree: Tree) -> Iterator[str]:
    """Alerts count lines, and one line may be all that there is: sampling leaves them alone."""
    settings = json.loads((tree.root / "host.json").read_text())["logging"]["applicationInsights"]["samplingSettings"]
    excluded = set(settings.get("excludedTypes", "").split(";"))
    if settings["isEnabled"]:
        yield from (f"host.json: sampling drops {kind}s" for kind in sorted({"Trace", "Request"} - excluded))


def workbook_draws_the_log(tree: Tree) -> Iterator[str]:
    """The workbook and the function for one run are of the workspace, in the words that Azure Monitor knows."""
    resources = tree.of("resource", WORKBOOK)
    book, story = resources["workbook"].body, resources["runStory"].body["properties"]
    if book.get("kind") != "shared" or at(book, "properties.sourceId") != Path("workspace.id"):
        yield "the workbook is not one of the workspace"
    for chart in tree.of("var", WORKBOOK)["charts"].value:
        if chart["shape"] not in VISUALIZATIONS:
            yield f"{chart['title']}: {chart['shape']} is no visualization"
    if (story["functionAlias"], story["functionParameters"], story["version"]) != ("run_story", "run_id:string", 2):
        yield "run_story() is not the function that the page tells of"
    if story.get("etag") != "*":
        yield "run_story() is there already at the second deployment: Azure wants an etag to replace it, and says 409"
    types = {
        value["type"]: value["content"] for value in walk(tree.of("var", WORKBOOK)["drawn"].value) if _is_item(value)
    }
    if types.get(3, {}).get("timeContextFromParameter") != tree.of("var", WORKBOOK)["period"].value["name"]:
        yield "the charts do not follow the chosen time"


def _is_item(value: object) -> bool:
    return isinstance(value, dict) and {"type", "content"} <= value.keys()
