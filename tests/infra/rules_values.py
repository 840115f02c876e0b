"""Checks of values that no compiler checks: Azure alone would refuse them, or do something else in silence."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.infra.bicep_values import Call, Choice, Declaration, Operation, Path, Text, at, walk
from tests.infra.infra_tree import FUNCTION_APP, Tree

LOGIC_APPS = "infra/modules/logic-apps.bicep"
NETWORK = "infra/modules/network.bicep"
DAYS = Path("blobRetentionDays")
SOME_DAYS = Operation((DAYS, 0))
#: What is kept of blobs and containers, if anything is to be.
KEPT = Choice(SOME_DAYS, {"enabled": True, "days": DAYS}, {"enabled": False})
OLD_VERSIONS = {
    "name": "old-versions",
    "enabled": True,
    "type": "Lifecycle",
    "definition": {
        "filters": {"blobTypes": ["blockBlob"]},
        "actions": {"version": {"delete": {"daysAfterCreationGreaterThan": DAYS}}},
    },
}
NO_VAULT = Call("empty", (Path("vaultUri"),))
#: Encryption by a key of the operator's: of everything, tables and queues included, by the box's identity.
OURS = {
    "keySource": "Microsoft.Keyvault",
    "identity": {"userAssignedIdentity": Path("identityId")},
    "keyvaultproperties": {"keyvaulturi": Path("vaultUri"), "keyname": Path("cmkName")},
    "services": dict.fromkeys(("blob", "file", "queue", "table"), Path("ours")),
}
#: Resource -> path -> the value that is right, as the service's documentation has it.
VALUES: dict[str, dict[str, object]] = {
    "Microsoft.Storage/storageAccounts": {
        "kind": "StorageV2",
        "sku.name": Choice(Path("zoneRedundant"), "Standard_ZRS", "Standard_LRS"),
        "identity": Choice(
            NO_VAULT, None, {"type": "UserAssigned", "userAssignedIdentities": {Text((Path("identityId"),)): {}}}
        ),
        "properties.encryption": Choice(NO_VAULT, None, OURS),
    },
    "Microsoft.Storage/storageAccounts/blobServices": {
        "properties.isVersioningEnabled": SOME_DAYS,
        "properties.deleteRetentionPolicy": KEPT,
        "properties.containerDeleteRetentionPolicy": KEPT,
    },
    "Microsoft.Storage/storageAccounts/managementPolicies": {
        "name": "default",
        "properties.policy.rules": [OLD_VERSIONS],
    },
    "Microsoft.CognitiveServices/accounts": {"kind": Path("kind"), "sku.name": "S0"},
    "Microsoft.CognitiveServices/accounts/deployments": {
        "properties.model.format": "OpenAI",
        "properties.raiPolicyName": "Microsoft.DefaultV2",
        "properties.versionUpgradeOption": "OnceCurrentVersionExpired",
    },
    "Microsoft.App/sessionPools": {
        "properties.containerType": "PythonLTS",
        "properties.poolManagementType": "Dynamic",
        "properties.dynamicPoolConfiguration.lifecycleConfiguration.lifecycleType": "Timed",
    },
    "Microsoft.OperationalInsights/workspaces": {"properties.sku.name": "PerGB2018"},
    "Microsoft.Insights/components": {"kind": "web", "properties.Application_Type": "web"},
    "Microsoft.Insights/diagnosticSettings": {"properties.logs": [{"category": "WorkflowRuntime", "enabled": True}]},
    "Microsoft.Logic/workflows": {"properties.state": "Enabled"},
    "Microsoft.Web/serverfarms": {
        "kind": "functionapp",
        "properties": {"reserved": True, "zoneRedundant": Path("zoneRedundant")},
    },
    "Microsoft.Web/sites": {
        "kind": "functionapp,linux",
        "properties.functionAppConfig.deployment.storage.type": "blobContainer",
        "properties.functionAppConfig.siteUpdateStrategy": {"type": Path("siteUpdateStrategy")},
    },
}
#: Scale group of Flex Consumption -> what says how much of it is kept warm.
WARM = {"http": Path("alwaysReadyHttp"), "function:run_worker": Path("alwaysReadyRuns")}
STRATEGIES = ["RollingUpdate", "Recreate"]
#: Private-link group -> the zone in which its names are looked up, but for the cloud's own suffix.
ZONES = {
    "blob": "privatelink.blob.",
    "queue": "privatelink.queue.",
    "table": "privatelink.table.",
    "account": "privatelink.openai.azure.com",
}
#: Rules of Bicep's linter that must be among those which stop a build.
RAISED = {"no-unused-params", "secure-parameter-default", "outputs-should-not-contain-secrets", "use-safe-access"}


def values_are_the_services_own(tree: Tree) -> Iterator[str]:
    """Kinds, SKUs, categories and options are spelt as their service spells them."""
    for resource_type, wanted in VALUES.items():
        found = [each for _, each in tree.resources(resource_type) if each.type.split("@")[0] == resource_type]
        if not found:
            yield f"there is no {resource_type}"
        for each in found:
            for path, value in wanted.items():
                if at(each.body, path) != value:
                    yield f"{each.name}: {path} is {at(each.body, path)!r}, not {value!r}"


def groups_kept_warm_exist(tree: Tree) -> Iterator[str]:
    """Instances are kept warm for scale groups that Flex Consumption has, as many as the options say."""
    found = {group["group"]: group["count"] for group in tree.of("var", FUNCTION_APP)["warm"].value}
    if found != WARM:
        yield f"kept warm are {found}, not {WARM}"


def updates_follow_a_known_strategy(tree: Tree) -> Iterator[str]:
    """The published type does not know the strategy: what may stand there is held here."""
    option = tree.of("param")["siteUpdateStrategy"]
    if option.decorators["allowed"] != (STRATEGIES,) or option.value != STRATEGIES[0]:
        yield f"{option.value} of {option.decorators['allowed']} is no strategy of Flex Consumption"


def private_endpoints_find_their_service(tree: Tree) -> Iterator[str]:
    """Each private endpoint has the group of its service and the zone of that group; the app's subnet is delegated."""
    endpoints = tree.of("var", NETWORK)["endpoints"].value
    found = {
        each["group"]: each["zone"].parts[0] if isinstance(each["zone"], Text) else each["zone"] for each in endpoints
    }
    if found != ZONES:
        yield f"the endpoints are {found}, not {ZONES}"
    subnets = {
        each["name"]: each["properties"] for each in tree.of("resource", NETWORK)["vnet"].body["properties"]["subnets"]
    }
    delegated = [each["properties"] for each in subnets["app"]["delegations"]]
    if delegated != [{"serviceName": "Microsoft.App/environments"}]:
        yield f"the app's subnet is delegated to {delegated}"


def connection_is_office365(tree: Tree) -> Iterator[str]:
    """The workflows act through Outlook's connector, at both places that name it."""
    calls = [call for each in tree.templates[LOGIC_APPS] for call in _calls(each)]
    names = [call.arguments[-1] for call in calls if call.name == "subscriptionResourceId"]
    if names != ["office365", "office365"]:
        yield f"the connectors are {names}"


def linter_is_strict(tree: Tree) -> Iterator[str]:
    """What Bicep's linter would only warn of stops whoever builds the templates with a compiler."""
    core = json.loads((tree.root / "infra/bicepconfig.json").read_text())["analyzers"]["core"]
    if core["enabled"] is not True or not core["rules"].keys() >= RAISED:
        yield "bicepconfig.json: the linter is off, or a rule is missing"
    yield from (
        f"bicepconfig.json: {name} is not raised" for name, rule in core["rules"].items() if rule != {"level": "error"}
    )


def types_are_not_switched_off(tree: Tree) -> Iterator[str]:
    """any() and an array of anything hide a misspelt key from the compiler."""
    for template, declarations in tree.templates.items():
        for each in declarations:
            if each.type == "array":
                yield f"{template}: {each.name} is an array of anything"
            if any(call.name == "any" for call in _calls(each)):
                yield f"{template}: {each.name} calls any()"


def _calls(declaration: Declaration) -> Iterator[Call]:
    return (value for value in walk(declaration.value) if isinstance(value, Call))
