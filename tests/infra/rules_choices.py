"""Checks of what depends on a choice: what is there already, what was set by hand. Worked out, not compared."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infra.bicep_evaluation import Evaluation
from tests.infra.bicep_values import Call, Operation, Path
from tests.infra.infra_tree import FUNCTION_APP, MAIN, Tree

ACCESS = "infra/modules/openai-access.bicep"
OPENAI = "infra/modules/openai.bicep"
APP_SETTINGS = "infra/modules/app-settings.bicep"
#: openaiName, openaiResourceGroup -> the account that is used, and its group.
ACCOUNTS = {
    ("", ""): ("oai-new", "rg-box"),
    ("theirs", "rg-theirs"): ("theirs", "rg-theirs"),
    ("theirs", ""): ("theirs", "rg-box"),
    ("", "rg-theirs"): ("oai-new", "rg-box"),
}
#: Kind of account -> the address that is asked.
ENDPOINTS = {"OpenAI": "https://its-own.example/", "AIServices": "https://sub.openai.azure.com/"}
#: Kind of the account -> its identity, and whether it may have projects.
KINDS = {"OpenAI": (None, None), "AIServices": ({"type": "SystemAssigned"}, True)}
#: cmkVaultName, its group -> the group in which the right is given.
VAULTS = {("v", ""): "rg-box", ("v", "rg-keys"): "rg-keys"}


def existing_models_are_used(tree: Tree) -> Iterator[str]:
    """An account that is named is used where it is, and none is made; else the new one."""
    modules = tree.of("module")
    if modules["openai"].condition != Call("empty", (Path("openaiName"),)):
        yield "an account is made although one is there"
    body = modules["openaiAccess"].body
    for (name, group), wanted in ACCOUNTS.items():
        given = {"openaiName": name, "openaiResourceGroup": group, "environmentName": "box"}
        work_out = Evaluation(tree.templates[MAIN], {**given, "openai": {"outputs": {"name": "oai-new"}}})
        found = work_out(body["params"]["openaiName"]), work_out(body["scope"].arguments[0])
        if found != wanted:
            yield f"{name or 'no name'} in {group or 'no group'} is {found}, not {wanted}"
    for kind, endpoint in ENDPOINTS.items():
        properties = {"customSubDomainName": "sub", "endpoint": "https://its-own.example/"}
        work_out = Evaluation(tree.templates[ACCESS], {"openai": {"kind": kind, "properties": properties}})
        if (found := work_out(tree.of("output", ACCESS)["endpoint"].value)) != endpoint:
            yield f"an account of kind {kind} is asked at {found}"


def model_resource_stays_what_it_is(tree: Tree) -> Iterator[str]:
    """An upgrade makes another kind of it, in place; who says so keeps it, and nothing else can be said."""
    option = tree.of("param")["openaiKind"]
    if option.decorators["allowed"] != (list(KINDS),) or option.value != "OpenAI":
        yield f"{option.value} of {option.decorators['allowed']} is no kind of model resource"
    if tree.of("module")["openai"].body["params"]["kind"] != Path("openaiKind"):
        yield "the kind that was chosen is not deployed"
    body = tree.of("resource", OPENAI)["account"].body
    for kind, wanted in KINDS.items():
        work_out = Evaluation(tree.templates[OPENAI], {"kind": kind})
        found = work_out(body["identity"]), work_out(body["properties"]["allowProjectManagement"])
        if found != wanted:
            yield f"a resource of kind {kind} has {found}, not {wanted}"


def keys_of_others_are_found(tree: Tree) -> Iterator[str]:
    """The right to a key of the operator's is given in its vault's group, and only where there is one."""
    module = tree.of("module")["encryption"]
    if module.condition != Operation((Call("empty", (Path("cmkVaultName"),)),)):
        yield "a key is looked for that nobody has named"
    for (vault, group), wanted in VAULTS.items():
        given = {"cmkVaultName": vault, "cmkVaultResourceGroup": group, "environmentName": "box"}
        found = Evaluation(tree.templates[MAIN], given)(module.body["scope"].arguments[0])
        if found != wanted:
            yield f"the vault in {group or 'no group'} is looked for in {found}"
    ours = tree.of("var", "infra/modules/storage.bicep")["ours"].value
    if ours != {"enabled": True, "keyType": "Account"}:
        yield "tables and queues are not encrypted with the account's key, and so not with yours"


def what_was_set_by_hand_stays(tree: Tree) -> Iterator[str]:
    """A deployment with nothing new leaves alone what people changed; what both changed is told."""
    module = tree.of("module", FUNCTION_APP)["appSettings"]
    if set(module.body["params"]) != {"siteName", "wanted", "live"}:
        yield "the settings are not merged"
    settings = tree.of("resource", APP_SETTINGS)["appSettings"].body["properties"]
    outputs = tree.of("output", APP_SETTINGS)

    def deploy(live: dict[str, str], **wanted: str) -> tuple[dict[str, str], str, str]:
        work_out = Evaluation(tree.templates[APP_SETTINGS], {"live": live, "wanted": wanted})
        return work_out(settings), work_out(outputs["kept"].value), work_out(outputs["overruled"].value)

    first, *_ = deploy({}, A="1", B="2", C="3")
    after, kept, overruled = deploy({**first, "A": "mine", "B": "mine", "D": "mine"}, A="1", B="4")
    found = {name: value for name, value in after.items() if name != "DEPLOYED_SETTINGS"}
    if (found, kept, overruled) != ({"A": "mine", "B": "4", "D": "mine"}, "A D", "B"):
        yield f"the settings become {found}, kept {kept!r}, overruled {overruled!r}"
    again, *_ = deploy(after, A="1", B="4")
    if again != after:
        yield "the second deployment does something else than the first"


def further_models_are_deployed_and_named(tree: Tree) -> Iterator[str]:
    """Each further model is deployed, one after another with the first, and answers for its own name and aliases."""
    model = {"name": "m", "version": "1", "sku": "Standard", "capacity": 2}
    work_out = Evaluation(
        tree.templates[MAIN], {"chatModels": [{**model, "aliases": ["gpt-4*"]}], "chatModelName": "first"}
    )
    if work_out(tree.of("module")["openai"].body["params"]["more"]) != [model]:
        yield "a further model is not deployed as it is described"
    deployments = tree.of("resource", OPENAI)["deployments"]
    if (
        deployments.value.source != Call("concat", (Path("models"), Path("more")))
        or "batchSize" not in deployments.decorators
    ):
        yield "not all models are deployed, or two at once"
    aliases = work_out(tree.of("module")["functionApp"].body["params"]["settings"]["MODEL_ALIASES"])
    if aliases != '{"*":"first","gpt-4*":"m","m":"m"}':
        yield f"MODEL_ALIASES is {aliases}"
