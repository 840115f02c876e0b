"""Checks of what tests and deploys by itself: GitHub's workflows, and what azd gives them. Each says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.infra.infra_tree import Tree

#: Made by a hook in the pipeline itself.
MADE_THERE = {"BOX_KEY_HASHES", "BOX_ADMIN_KEY_HASHES"}
#: Commands that each workflow must run, as they begin.
RUN = {"ci.yml": (".ci/run", "az bicep build"), "azure-dev.yml": ("azd provision", "azd deploy")}


#: The first major version of each action that runs on Node.js 24: GitHub's runners have had no older one for months.
RUNS_ON_NODE_24 = {"actions/checkout": 5, "actions/setup-python": 6, "actions/setup-node": 5, "Azure/setup-azd": 2}


def workflows_hold_no_password(tree: Tree) -> Iterator[str]:
    """GitHub signs in by a token of its own, and may read the repository and nothing else."""
    deploy, ci = _workflow(tree, "azure-dev.yml"), _workflow(tree, "ci.yml")
    if deploy["permissions"] != {"id-token": "write", "contents": "read"}:
        yield f"azure-dev.yml may {deploy['permissions']}"
    if ci["permissions"] != {"contents": "read"}:
        yield f"ci.yml may {ci['permissions']}"
    sign_in = " ".join(step.get("run", "") for step in _steps(deploy))
    if "--federated-credential-provider github" not in sign_in:
        yield "azure-dev.yml does not sign in by federation"
    if re.search(r"client-secret|AZURE_CREDENTIALS", str(deploy)):
        yield "azure-dev.yml signs in with a password"
    if "secrets." in str(ci):
        yield "ci.yml hands secrets to the code of a pull request"


def workflows_do_their_work(tree: Tree) -> Iterator[str]:
    """The suite and the compiler run for every change; a deployment provisions and deploys, one after another."""
    for name, commands in RUN.items():
        lines = [line.strip() for step in _steps(_workflow(tree, name)) for line in step.get("run", "").splitlines()]
        yield from (f"{name} does not run {each}" for each in commands if not any(x.startswith(each) for x in lines))
    if "concurrency" not in _workflow(tree, "azure-dev.yml"):
        yield "two deployments may run at once"


def actions_run_on_todays_runners(tree: Tree) -> Iterator[str]:
    """Every action is of a version whose Node.js the runners still have."""
    for name in RUN:
        for step in _steps(_workflow(tree, name)):
            action, _, version = step.get("uses", "actions/checkout@v99").partition("@v")
            if int(version) < RUNS_ON_NODE_24[action]:
                yield f"{name}: {action}@v{version} is too old"


def pipelines_carry_what_is_set(tree: Tree) -> Iterator[str]:
    """Secrets reach the step that provisions, options as they are; azure.yaml names lists, which azd would mangle."""
    pipeline = tree.azure["pipeline"]
    variables = {parameter["value"].strip("${}"): name for name, parameter in tree.parameters.items()}
    declared = tree.of("param")
    secret = {
        variable for variable, name in variables.items() if "secure" in declared[name].decorators
    } - MADE_THERE | set(pipeline["secrets"])
    lists = {variable for variable, name in variables.items() if declared[name].type.endswith("[]")}
    yield from (f"azure.yaml: pipeline lacks {name}" for name in sorted(lists - set(pipeline["variables"])))
    yield from (f"azure.yaml: no option is {name}" for name in sorted(set(pipeline["variables"]) - set(variables)))
    hooks = "".join(each.read_text() for each in (tree.root / "infra/hooks").glob("*.py"))
    for name in pipeline["secrets"]:
        if f'"{name}"' not in hooks:
            yield f"azure.yaml: no hook reads the secret {name}"
    steps = _steps(_workflow(tree, "azure-dev.yml"))
    given: dict[str, str] = next((each["env"] for each in steps if "azd provision" in each.get("run", "")), {})
    wanted = {name: f"${{{{ secrets.{name} }}}}" for name in secret}
    if given != wanted:
        yield f"azure-dev.yml: the secrets are {sorted(given)}, not {sorted(wanted)}"
    options = [each for each in steps if ".github/options.py" in each.get("run", "")]
    if [each.get("env") for each in options] != [{"OPTIONS": "${{ toJSON(vars) }}"}]:
        yield "azure-dev.yml does not take over the options"


def _workflow(tree: Tree, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((tree.root / ".github/workflows" / name).read_text())
    return loaded


def _steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]
