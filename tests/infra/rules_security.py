"""Checks of what the deployment allows and hides. Each returns what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.infra.bicep_values import Call, Declaration, Loop, Operation, Path, Text, at, walk
from tests.infra.infra_tree import FUNCTION_APP, Tree

ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd": "Cognitive Services OpenAI User",
    "0fb8eba5-a2bb-4abe-b1c1-49dfad359bb0": "Azure ContainerApps Session Executor",
    "e147488a-f6f5-4113-8e2d-b22465e65bf6": "Key Vault Crypto Service Encryption User",
}
#: All the function app may do.
GRANTS = {
    ("Microsoft.Storage/storageAccounts", "Storage Blob Data Owner"),
    ("Microsoft.Storage/storageAccounts", "Storage Queue Data Contributor"),
    ("Microsoft.Storage/storageAccounts", "Storage Table Data Contributor"),
    ("Microsoft.Insights/components", "Monitoring Metrics Publisher"),
    ("Microsoft.CognitiveServices/accounts", "Cognitive Services OpenAI User"),
    ("Microsoft.App/sessionPools", "Azure ContainerApps Session Executor"),
    ("Microsoft.KeyVault/vaults", "Key Vault Crypto Service Encryption User"),
    # Of one key, where there is one.
    ("Microsoft.KeyVault/vaults/keys", "Key Vault Crypto Service Encryption User"),
}
#: Parameters that no output may show.
SECRET = {"apiKeyHashes", "adminKeyHashes"}
#: https://sts.windows.net/${tenant().tenantId}/
ISSUER = Text(("https://sts.windows.net/", Operation((Call("tenant", ()), ".tenantId")), "/"))
#: What may be read: the app's settings as they are, and as a secure parameter alone.
LIVE_SETTINGS = Call("list", (Text((Path("site.id"), "/config/appsettings")), "2025-03-01"))
LOCKED = [
    ("Microsoft.Storage/storageAccounts", "properties.allowSharedKeyAccess", False),
    ("Microsoft.Storage/storageAccounts", "properties.allowBlobPublicAccess", False),
    ("Microsoft.Storage/storageAccounts", "properties.minimumTlsVersion", "TLS1_2"),
    ("Microsoft.Storage/storageAccounts", "properties.supportsHttpsTrafficOnly", True),
    ("Microsoft.Storage/storageAccounts", "properties.networkAcls.bypass", "AzureServices"),
    ("Microsoft.CognitiveServices/accounts", "properties.disableLocalAuth", True),
    ("Microsoft.Insights/components", "properties.DisableLocalAuth", True),
    ("Microsoft.App/sessionPools", "properties.sessionNetworkConfiguration.status", "EgressDisabled"),
    ("Microsoft.App/sessionPools", "identity", None),
    ("Microsoft.KeyVault/vaults", "properties.enableRbacAuthorization", True),
    ("Microsoft.KeyVault/vaults", "properties.enableSoftDelete", True),
    ("Microsoft.Web/sites", "properties.httpsOnly", True),
    ("Microsoft.Web/sites", "properties.siteConfig.minTlsVersion", "1.2"),
    ("Microsoft.Web/sites", "identity.type", "UserAssigned"),
    ("Microsoft.Logic/workflows", "properties.accessControl.triggers.sasAuthenticationPolicy.state", "Disabled"),
]


def nothing_reads_a_secret(tree: Tree) -> Iterator[str]:
    """Keys and signed URLs would end up in app settings or in the deployment history."""
    for template, declarations in tree.templates.items():
        for each in declarations:
            for value in walk((each.value, each.condition)):
                allowed = value == LIVE_SETTINGS and (template, each.name) == (FUNCTION_APP, "appSettings")
                if isinstance(value, Call) and re.match(r"list([A-Z]|$)|getSecret", value.name) and not allowed:
                    yield f"{template}: {each.name} calls {value.name}()"
                if isinstance(value, Path) and re.search(r"\.(list[A-Z]|getSecret)", value.text):
                    yield f"{template}: {each.name} reads {value.text}"
                if isinstance(value, str) and re.search(r"AccountKey=|[?&]sig=|SharedAccess", value):
                    yield f"{template}: {each.name} contains a credential"


def outputs_are_public(tree: Tree) -> Iterator[str]:
    """Outputs are kept in the deployment history for everybody with read access."""
    for template in tree.templates:
        for name, output in tree.of("output", template).items():
            reached = {value.text for value in walk(output.value) if isinstance(value, Path)}
            if re.search(r"key|secret|password|hash|sas|callback", name, re.IGNORECASE) or reached & SECRET:
                yield f"{template}: output {name} looks like a secret"


def secrets_stay_secure(tree: Tree) -> Iterator[str]:
    """Parameters that carry keys or their hashes are kept out of the deployment history, and come from outside."""
    for template in tree.templates:
        for name, parameter in tree.of("param", template).items():
            # The app settings contain both.
            if name not in ("settings", "wanted", "live") and not re.search(
                r"key|hash|secret|password", name, re.IGNORECASE
            ):
                continue
            if "secure" not in parameter.decorators:
                yield f"{template}: {name} is not @secure()"
            if parameter.value not in (None, "", {}):
                yield f"{template}: {name} has a default"


def local_credentials_are_off(tree: Tree) -> Iterator[str]:
    """Entra tokens are the only way in, over TLS, and the sandbox has no way out."""
    for resource_type, path, wanted in LOCKED:
        found = [each for _, each in tree.resources(resource_type) if each.type.split("@")[0] == resource_type]
        if not found:
            yield f"there is no {resource_type}"
        for each in found:
            if (value := at(each.body, path)) != wanted or type(value) is not type(wanted):
                yield f"{each.name}: {path} is {value!r}, not {wanted!r}"


def publishing_passwords_are_off(tree: Tree) -> Iterator[str]:
    """Deployment goes by Entra token alone."""
    found = [each for _, each in tree.resources("basicPublishingCredentialsPolicies")]
    if {each.body["name"]: at(each.body, "properties.allow") for each in found} != {"ftp": False, "scm": False}:
        yield "basic publishing credentials are not off for both ftp and scm"
    # The published type has no location, but Azure has refused the policy without one (bicep-types-az 1526, 1571).
    yield from (f"{each.name}: location is missing" for each in found if each.body.get("location") != Path("location"))


def roles_are_the_least(tree: Tree) -> Iterator[str]:
    """The identity has these rights and no others, each on one resource."""
    granted = set()
    for template, assignment in tree.resources("Microsoft.Authorization/roleAssignments"):
        scope, properties = assignment.body.get("scope"), assignment.body["properties"]
        if not isinstance(scope, Path):
            yield f"{assignment.name}: the scope is wider than a resource"
            continue
        resources = tree.of("resource", template)
        within = [resources[name].type.split("@")[0] for name in scope.text.split("::")]
        role = properties["roleDefinitionId"].arguments[-1]
        for role_id in _role_ids(tree, template, assignment, role):
            granted.add(("/".join(within), ROLES.get(role_id, role_id)))
        if properties.get("principalType") != "ServicePrincipal":
            yield f"{assignment.name}: without principalType a fresh identity is not found"
        if assignment.body["name"] != Call("guid", (Path(f"{scope.text}.id"), Path("principalId"), role)):
            yield f"{assignment.name}: the name must be guid(scope, principal, role), or a redeployment collides"
    yield from (f"{role} on {resource} is missing" for resource, role in sorted(GRANTS - granted))
    yield from (f"{role} on {resource} is more than needed" for resource, role in sorted(granted - GRANTS))


def roles_come_before_the_site(tree: Tree) -> Iterator[str]:
    """A site without its roles fails its first reads."""
    if Path("roles") not in tree.of("module")["functionApp"].body.get("dependsOn", []):
        yield "functionApp does not depend on roles"


def triggers_admit_one_identity(tree: Tree) -> Iterator[str]:
    """A workflow starts with a token of this tenant, for Azure Resource Manager, of the function app's identity."""
    for template, workflow in tree.resources("Microsoft.Logic/workflows"):
        variables = tree.of("var", template)
        access = at(workflow.body, "properties.accessControl.triggers.openAuthenticationPolicies.policies") or {}
        audiences = set()
        for name, policy in access.items():
            claims = {claim["name"]: claim["value"] for claim in _resolved(policy["claims"], variables)}
            if claims.get("oid") != Path("callerPrincipalId") or policy["type"] != "AAD":
                yield f"{workflow.name}: policy {name} admits more than one identity"
            if claims.get("iss") != ISSUER:
                yield f"{workflow.name}: policy {name} does not name this tenant's issuer"
            audiences.add(tree.evaluate(template, claims.get("aud")))
        if audiences != {"https://management.azure.com", "https://management.azure.com/"}:
            yield f"{workflow.name}: the audiences are {sorted(map(str, audiences))}"


def _resolved(claims: list[Any], variables: dict[str, Declaration]) -> list[dict[str, Any]]:
    return [variables[each.text].value if isinstance(each, Path) else each for each in claims]


def _role_ids(tree: Tree, template: str, assignment: Declaration, role: Any) -> list[str]:
    loop = assignment.value
    if isinstance(loop, Loop) and role == Path(loop.item):
        return list(tree.evaluate(template, loop.source))
    first, _, rest = role.text.partition(".")
    value = tree.of("var", template)[first].value
    return [value[rest] if rest else value]
