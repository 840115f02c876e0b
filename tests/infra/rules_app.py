"""Checks of what the function app finds when it starts, and of what azd does. Each returns what is wrong."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

from shared.config import Settings, variable
from tests.infra.bicep_values import Call, Path
from tests.infra.infra_tree import FUNCTION_APP, Tree
from tests.infra.tool_bodies import tool_bodies

#: Settings the app reads that a deployment leaves alone, and why.
NOT_DEPLOYED = {
    "BOX_HOME": "the embedded host's folder",
    "BOX_HOST": "the embedded host's address",
    "BOX_PORT": "the embedded host's port",
    "BOX_MAX_CONNECTIONS": "the embedded host's connections",
    "BOX_PROCESSES": "the embedded host's processes",
    "AzureWebJobsStorage": "a connection string; a deployment has the service URIs and an identity",
    "BOX_MODEL_BASE_URL": "models elsewhere than on Azure",
    "BOX_MODEL_API_KEY": "models elsewhere than on Azure",
    "OPENAI_BASE_URL": "models elsewhere than on Azure",
    "OPENAI_API_KEY": "models elsewhere than on Azure",
    "AZURE_OPENAI_API_KEY": "a deployment has an identity",
    "MODEL_CONTEXT_TOKENS": "the default fits the default model",
    "AzureFunctionsJobHost__functionTimeout": "host.json says it",
    "RUN_LIFETIME_SECONDS": "the default is the API's",
    "APPROVAL_LIFETIME_SECONDS": "a day is a good default",
    "RUN_START": "the default fits every host",
    "RUNS_AT_ONCE": "the default is more than HTTP_CONCURRENCY",
    "LEASE_SECONDS": "the default fits every host",
    "HEARTBEAT_SECONDS": "the default fits every host",
    "MAX_TURNS": "the default stops nobody who gets anywhere",
    "SIDE_EFFECTS_PER_RUN": "the default is small",
    "SIDE_EFFECTS_PER_HOUR": "the default is small",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "a deployment has Application Insights",
    "OTEL_EXPORTER_OTLP_HEADERS": "a deployment has Application Insights",
    "OTEL_METRICS_EXPORTER": "a deployment has Application Insights",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "contents stay out of telemetry",
    "OTEL_SDK_DISABLED": "telemetry is on",
    "REST_COUNTRIES_URL": "the default is the service's own",
}
#: Settings a deployment has that are read by the Functions host or by Azure's libraries, not by the app.
HOST_SETTINGS = {
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsDisableHomepage",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
}
#: Settings Flex Consumption refuses or replaced by functionAppConfig.
REFUSED = {
    "AzureWebJobsStorage",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
}
AZURE_YAML_KEYS = {"name", "metadata", "requiredVersions", "infra", "services", "pipeline", "hooks"}
HOOKS = {f"{when}{what}" for when in ("pre", "post") for what in ("provision", "deploy", "package", "up", "down")}


def settings_read() -> set[str]:
    """The environment variables the app reads."""
    return {variable(name) for name in Settings.model_fields}


def settings_deployed(tree: Tree) -> dict[str, Any]:
    """The app settings of the deployed function app."""
    ours = tree.of("module")["functionApp"].body["params"]["settings"]
    union = tree.of("module", FUNCTION_APP)["appSettings"].body["params"]["wanted"]
    assert isinstance(union, Call)
    return {**ours, **union.arguments[1]}


def settings_are_those_the_app_reads(tree: Tree) -> Iterator[str]:
    """Nothing the app reads is missing, nothing it does not read is set."""
    deployed, read = set(settings_deployed(tree)), settings_read()
    yield from (f"{name} is read, but not deployed" for name in sorted(read - deployed - set(NOT_DEPLOYED)))
    yield from (f"{name} is deployed, but not read" for name in sorted(deployed - read - HOST_SETTINGS))
    yield from (f"{name} is no setting of the app any more" for name in sorted(set(NOT_DEPLOYED) - read))
    yield from (f"{name} is deployed after all" for name in sorted(set(NOT_DEPLOYED) & deployed))
    yield from (f"the host's {name} is missing" for name in sorted(HOST_SETTINGS - deployed))


def settings_suit_flex_consumption(tree: Tree) -> Iterator[str]:
    """No setting the plan refuses; storage and telemetry by the identity."""
    deployed = settings_deployed(tree)
    yield from (f"{name} does not go with Flex Consumption" for name in sorted(REFUSED & set(deployed)))
    for name in ("AzureWebJobsStorage__clientId", "AZURE_CLIENT_ID"):
        if deployed.get(name) != Path("identityClientId"):
            yield f"{name} is not the identity's"
    if deployed.get("AzureWebJobsStorage__credential") != "managedidentity":
        yield "the host would look for a connection string"


def site_runs_this_project(tree: Tree) -> Iterator[str]:
    """Flex Consumption with the project's Python, deployed and read with the identity, found by azd."""
    site = tree.of("resource", FUNCTION_APP)["site"].body
    config = site["properties"]["functionAppConfig"]
    python = (tree.root / ".python-version").read_text().strip()
    # Flex Consumption answers most of what other plans take here with an error.
    if unknown := set(site["properties"]["siteConfig"]) - {"minTlsVersion"}:
        yield f"siteConfig has {sorted(unknown)}"
    if config["runtime"] != {"name": "python", "version": Path("pythonVersion")}:
        yield f"the runtime is {config['runtime']}"
    if (default := tree.of("param")["pythonVersion"].value) != python:
        yield f"the app runs on Python {default}, the project's is {python}"
    # Older ones want PYTHON_ENABLE_INIT_INDEXING to stream.
    if any(version not in ("3.13", "3.14") for version in tree.of("param")["pythonVersion"].decorators["allowed"][0]):
        yield "the app is not made for every Python that is allowed"
    if config["deployment"]["storage"]["authentication"]["type"] != "UserAssignedIdentity":
        yield "the package is not read with the identity"
    if tree.of("resource", FUNCTION_APP)["plan"].body["sku"] != {"name": "FC1", "tier": "FlexConsumption"}:
        yield "the plan is not Flex Consumption"
    for name in ("alwaysReadyHttp", "alwaysReadyRuns"):
        if tree.of("param")[name].value != 0:
            yield f"{name} costs money by default"
    if tree.of("param")["vnetEnabled"].value is not False:
        yield "vnetEnabled costs money by default"
    if site["tags"] != Call("union", (Path("tags"), {"azd-service-name": next(iter(tree.azure["services"]))})):
        yield "azd does not find the site by its service name"


def functions_find_what_they_name(tree: Tree) -> Iterator[str]:
    """Each queue trigger has its queue, and no other is there; the function kept warm for runs exists."""
    functions = (tree.root / "function_app.py").read_text()
    triggers = set(re.findall(r'queue_trigger\("\w+", "([\w-]+)"', functions))
    declared = set(tree.of("var", "infra/modules/storage.bicep")["queueNames"].value)
    yield from (f"the queue {name} is not both declared and listened to" for name in sorted(triggers ^ declared))
    for group in tree.of("var", FUNCTION_APP)["warm"].value:
        kind, _, name = group["group"].partition(":")
        if kind != "http" and (kind != "function" or f"async def {name}(" not in functions):
            yield f"there is nothing called {group['group']} to keep warm"


def storage_has_what_the_app_opens(tree: Tree) -> Iterator[str]:
    """All is declared under the names the app opens, beside the container of its package and the poison queues."""
    app = (tree.root / "shared/app.py").read_text()
    queues = re.findall(r'AzureQueue\(.*?"([\w-]+)"', app)
    opened = {
        "containers": {"deployments", *re.findall(r'AzureBlobs\(.*?"([\w-]+)"', app)},
        "tables": set(re.findall(r'TablesStore\(.*?"(\w+)"', app)),
        "queues": {*queues, *(f"{name}-poison" for name in queues)},
    }
    for kind, names in opened.items():
        resources = [each for each in tree.resources("Microsoft.Storage") if f"/{kind}@" in each[1].type]
        declared = {name for template, each in resources for name in tree.names(template, each)}
        yield from (f"{kind}: {name} is not both declared and opened" for name in sorted(names ^ declared))


def azure_yaml_follows_its_rules(tree: Tree) -> Iterator[str]:
    """What azd's own schema asks for, and what it lets pass although it cannot work."""
    azure = tree.azure
    yield from (f"azure.yaml: unknown key {key}" for key in sorted(set(azure) ^ AZURE_YAML_KEYS))
    if azure.get("infra") != {"provider": "bicep", "path": "infra", "module": "main"}:
        yield "azure.yaml: infra is not infra/main.bicep"
    service = {"project": ".", "language": "python", "host": "function", "remoteBuild": True}
    if azure.get("services") != {"api": service}:
        yield f"azure.yaml: services is {azure.get('services')}"
    version = re.fullmatch(r">= (\d+)\.(\d+)\.\d+", str(azure.get("requiredVersions", {}).get("azd")))
    if version is None or (int(version[1]), int(version[2])) < (1, 24):
        yield "azure.yaml: azd before 1.24.0 knows neither object parameters nor the quota check"
    for name, hook in azure.get("hooks", {}).items():
        if name not in HOOKS:
            yield f"azure.yaml: {name} is no hook"
        for system, shell, python in (("posix", "sh", "python3"), ("windows", "pwsh", "python")):
            command = hook.get(system, {})
            words = command.get("run", "").split()
            if command.get("shell") != shell or words[:1] != [python]:
                yield f"azure.yaml: {name} does not run on {system}"
            elif not (tree.root / words[1]).is_file():
                yield f"azure.yaml: {name} runs {words[1]}, which is not there"


def outputs_are_used(tree: Tree) -> Iterator[str]:
    """Outputs become variables of the azd environment; the hooks read them."""
    hooks = "".join(each.read_text() for each in (tree.root / "infra/hooks").glob("*.py"))
    yield from (f"no hook reads {name}" for name in tree.of("output") if f'"{name}"' not in hooks)


def workflows_take_what_the_tools_send(tree: Tree) -> Iterator[str]:
    """The schema that a workflow's trigger enforces has the fields of the tool behind it, no more and no fewer."""
    bodies = asyncio.run(tool_bodies())
    yield from (f"{name}: no tool calls this workflow" for name in sorted(set(tree.workflows) ^ set(bodies)))
    for name, body in bodies.items():
        schema = tree.workflows[name]["triggers"]["manual"]["inputs"]["schema"]
        if schema["properties"] != {field: {"type": "string"} for field in body}:
            yield f"{name}: the tool sends {sorted(body)}"


def workflows_keep_their_promises(tree: Tree) -> Iterator[str]:
    """Only well-formed bodies start a workflow; mail is never sent twice and never shown in the run history."""
    for name, workflow in tree.workflows.items():
        trigger = workflow["triggers"]["manual"]
        schema = trigger["inputs"]["schema"]
        closed = schema.get("additionalProperties") is False
        if not closed or trigger.get("operationOptions") != "EnableSchemaValidation":
            yield f"{name}: bodies are not checked"
        if schema["required"] != list(schema["properties"]):
            yield f"{name}: not every field is required"
        if trigger["runtimeConfiguration"]["secureData"]["properties"] != ["outputs"]:
            yield f"{name}: the run history shows the request"
        calls = {key: action for key, action in workflow["actions"].items() if action["type"] == "ApiConnection"}
        for key, action in calls.items():
            if action["inputs"].get("retryPolicy") != {"type": "none"}:
                yield f"{name}: {key} may be repeated by the service"
            if action["runtimeConfiguration"]["secureData"]["properties"] != ["inputs", "outputs"]:
                yield f"{name}: the run history shows {key}"
            used = set(re.findall(r"triggerBody\(\)\?\['(\w+)'\]", str(action["inputs"]["body"]).replace("\\", "")))
            if used != set(schema["properties"]):
                yield f"{name}: {key} uses {sorted(used)}"
        answers = {tuple(a["runAfter"].get(next(iter(calls)), ())) for a in workflow["actions"].values()}
        if not {("Succeeded",), ("Failed", "TimedOut")} <= answers:
            yield f"{name}: not every outcome is answered"
