"""Checks of the templates as such: names, parameters, regions, limits. Each returns what is wrong."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path as FilePath

from tests.infra.bicep_values import Call, Declaration, Lambda, Loop, Path, walk
from tests.infra.fake_azd import Azd
from tests.infra.infra_tree import FUNCTION_APP, MAIN, Tree
from tests.infra.published_types import COMPARED, resources, written

#: Service -> the regions it is in, as its documentation said in autumn 2026.
REGIONS = {
    service: set(names)
    for service, names in json.loads(FilePath(__file__).with_name("regions.json").read_text()).items()
}
#: What Azure accepts as a name. Children (containers, tables, queues) have their own.
NAME_LIMITS = {
    "Microsoft.Resources/resourceGroups": r"[\w.()-]{1,90}",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][\w-]{2,127}",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.Insights/components": r"[\w.()-]{1,260}",
    "Microsoft.Insights/actionGroups": r"[\w.()-]{1,260}",
    "Microsoft.Insights/scheduledQueryRules": r"[\w.()-]{1,260}",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "Microsoft.CognitiveServices/accounts": r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]",
    "Microsoft.App/sessionPools": r"[a-z][a-z0-9]{2,62}",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "Microsoft.KeyVault/vaults/keys": r"[A-Za-z0-9-]{1,127}",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    "Microsoft.Web/sites": r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
    "Microsoft.Web/connections": r"[\w.-]{1,80}",
    "Microsoft.Logic/workflows": r"[\w.()-]{1,80}",
    "Microsoft.Network/virtualNetworks": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/privateEndpoints": r"[A-Za-z0-9][\w.-]{0,62}\w",
}
#: What a person can answer: the name, and where.
ASKED = {"environmentName", "location", "aiLocation"}
#: What a hook keeps in the azd environment for `azd env get-value`.
READ_BY_PEOPLE = {"BOX_API_KEY"}
#: Words Azure refuses in resource names.
RESERVED = ("login", "microsoft", "windows", "xbox")


def names_are_declared(tree: Tree) -> Iterator[str]:
    """A name that nothing declares would stop the compiler."""
    for template, declarations in tree.templates.items():
        known = {each.name for each in declarations if each.kind != "output"}
        for each in declarations:
            inside = list(walk(each.value))
            local = {name for loop in inside if isinstance(loop, Loop) for name in (loop.item, loop.index)}
            local |= {function.item for function in inside if isinstance(function, Lambda)}
            for value in _expressions(each):
                if isinstance(value, Path) and value.root not in known | local:
                    yield f"{template}: {each.name} uses {value.root}, which nothing declares"


def declarations_are_used(tree: Tree) -> Iterator[str]:
    """Parameters and variables nobody reads are leftovers."""
    for template, declarations in tree.templates.items():
        roots = {value.root for each in declarations for value in _expressions(each) if isinstance(value, Path)}
        for each in declarations:
            if each.kind in ("param", "var") and each.name not in roots:
                yield f"{template}: nothing uses {each.name}"


def modules_fit_their_callers(tree: Tree) -> Iterator[str]:
    """Modules get the parameters they declare, and give the outputs that are read."""
    for where, module, template in tree.modules():
        if template not in tree.templates:
            yield f"{module.name}: no file {template}"
            continue
        declared = tree.of("param", template)
        required = {name for name, each in declared.items() if each.value is None}
        given = set(module.body["params"])
        yield from (f"{module.name}: no parameter {name}" for name in sorted(given - set(declared)))
        yield from (f"{module.name}: parameter {name} is missing" for name in sorted(required - given))
        read = {value.text for each in tree.templates[where] for value in _expressions(each) if isinstance(value, Path)}
        outputs = {text.split(".")[2] for text in read if text.startswith(f"{module.name}.outputs.")}
        for name in sorted(outputs ^ set(tree.of("output", template))):
            yield f"{module.name}: output {name} is not both given and read"
    called = {template for _, _, template in tree.modules()} | {MAIN}
    yield from (f"{template}: nothing uses this file" for template in sorted(set(tree.templates) - called))


def parameters_come_from_the_environment(tree: Tree) -> Iterator[str]:
    """Each parameter of main.bicep has one variable of the azd environment, and none is asked for twice."""
    declared, variables = tree.of("param"), set()
    for name in sorted(set(declared) ^ set(tree.parameters)):
        yield f"{name} is not both in main.bicep and in main.parameters.json"
    for name, parameter in tree.parameters.items():
        variable = re.fullmatch(r"\$\{([A-Z][A-Z0-9_]*)\}", str(parameter.get("value")))
        if variable is None:
            yield f"{name}: {parameter} is not a ${{VARIABLE}}"
        elif variable[1] in variables:
            yield f"{name}: {variable[1]} is used twice"
        else:
            variables.add(variable[1])


def azd_asks_for_little(tree: Tree) -> Iterator[str]:
    """azd asks for what has no value and no default before any hook runs: nobody could answer for a hook."""
    for name, parameter in tree.of("param").items():
        if parameter.value is None and name not in ASKED:
            yield f"{name} has no default, so azd asks for it"


def what_hooks_set_arrives(tree: Tree) -> Iterator[str]:
    """Each variable that the hook before a deployment sets is a parameter's with a default, or one that people read.

    Misspelt on either side, the default would be deployed in silence: a box that nobody may call.
    """
    with tempfile.TemporaryDirectory() as folder:
        azd = Azd(FilePath(folder), tree.root / "infra/hooks")
        done = azd.run("preprovision.py")
        if done.returncode != 0:
            yield f"the hook fails: {done.stderr}"
        variables = {parameter.get("value", "").strip("${}"): name for name, parameter in tree.parameters.items()}
        for variable in azd.kept():
            if variable not in variables and variable not in READ_BY_PEOPLE:
                yield f"the hook sets {variable}, which no parameter takes"
            elif variable in variables and tree.of("param")[variables[variable]].value is None:
                yield f"{variables[variable]} has no default, but its hook runs after azd asks for it"
        filled = {name for name, each in tree.of("param").items() if each.value == {} or each.type == "object"}
        for name in sorted(filled):
            if tree.parameters[name].get("value", "").strip("${}") not in azd.kept():
                yield f"nobody can type the object {name}, and no hook sets it"


def resources_were_compared(tree: Tree) -> Iterator[str]:
    """Versions, properties and values are those that were compared with the published types."""
    compared = json.loads(COMPARED.read_text())
    for template, each in resources(tree):
        known = set(compared.get(each.full_type, ()))
        if each.full_type not in compared:
            yield f"{template}: {each.full_type} was not compared with the published types"
        elif not each.existing:
            for path, text in written(each.body):
                named = any(one.startswith(f"{path} = ") for one in known)
                if path not in known or (named and text is not None and f"{path} = {text}" not in known):
                    yield f"{template}: {each.name}: {path} {text or ''} was not compared with the published types"


def services_have_one_version(tree: Tree) -> Iterator[str]:
    """A resource is made, found, read and given children by one version of its API."""
    versions = dict[str, set[str]]()
    for _, each in resources(tree):
        name, _, version = each.full_type.partition("@")
        versions.setdefault("/".join(name.split("/")[:2]), set()).add(version)
    for module in tree.of("module", FUNCTION_APP).values():
        for call in (value for value in walk(module.body) if isinstance(value, Call) and value.name == "list"):
            versions["Microsoft.Web/sites"].add(call.arguments[1])
    for name, found in versions.items():
        if len(found) > 1:
            yield f"{name} is used by the versions {sorted(found)}"


def regions_have_the_services(tree: Tree) -> Iterator[str]:
    """Only regions where the services exist are offered."""
    offered = {
        "location": REGIONS["Flex Consumption"] & REGIONS["dynamic sessions"],
        "aiLocation": REGIONS["Responses API"],
    }
    for parameter, fit in offered.items():
        allowed = tree.of("param")[parameter].decorators["allowed"][0]
        yield from (f"{parameter}: {region} lacks a service" for region in allowed if region not in fit)
        if allowed != sorted(set(allowed)):
            yield f"{parameter}: the regions are not in order, or one stands there twice"


def quota_metadata_matches_the_models(tree: Tree) -> Iterator[str]:
    """azd offers regions by this quota; it must be that of the default models."""
    parameters = tree.of("param")
    wanted = [
        "OpenAI.{Sku}.{Name},{Capacity}".format(
            **{part: parameters[f"{model}Model{part}"].value for part in ("Sku", "Name", "Capacity")}
        )
        for model in ("chat", "embedding")
    ]
    found = parameters["aiLocation"].decorators["metadata"][0]["azd"]["usageName"]
    if found != wanted:
        yield f"usageName is {found}, the models need {wanted}"


def default_models_have_dates(tree: Tree) -> Iterator[str]:
    """The page says until when the models live that a deployment gets unless it is told otherwise."""
    page = (tree.root / "docs/deploy.md").read_text()
    for model in ("chat", "embedding"):
        name, version = (tree.of("param")[f"{model}Model{part}"].value for part in ("Name", "Version"))
        if not re.search(rf"^\| `{name}` \| `{version}` \| [^|]+ \| \d{{4}}-\d\d-\d\d \|$", page, re.MULTILINE):
            yield f"docs/deploy.md does not say when {name} {version} is retired"


def names_fit_their_limits(tree: Tree) -> Iterator[str]:
    """Names are within Azure's lengths and alphabets, whatever the environment is called."""
    for template, resource in tree.resources():
        limit = NAME_LIMITS.get(resource.full_type.split("@")[0])
        if limit is None:
            continue
        for name in tree.names(template, resource):
            if not re.fullmatch(limit, name):
                yield f"{resource.name}: {name!r} is no name for a {resource.full_type}"
            if any(word in name.lower() for word in RESERVED):
                yield f"{resource.name}: {name!r} contains a reserved word"


def _expressions(declaration: Declaration) -> Iterator[object]:
    yield from walk(declaration.value)
    yield from walk(declaration.condition)
    yield from walk(tuple(declaration.decorators.values()))
