"""The house: imports go one way, adapters know their port only, and hosts alone know where they run."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from docs.source import NO_LIMITS, numbers

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "shared"

#: Floor by floor: a module imports from floors below, or from its own.
FLOORS = [
    {
        "backoff",
        "deadline",
        "tasks",
        "errors",
        "json_text",
        "json_types",
        "ids",
        "config",
        "home",
        "layout",
        "logs",
        "opening",
        "settings",
        "siblings",
        "wakes",
        "own_address",
        "program_name",
        "tls",
        "named_locks",
        "web_address",
        "whole_answers",
    },
    {"objects"},
    {
        "store",
        "blobs",
        "queue",
        "llm",
        "sandbox",
        "sealing",
        "search",
        "telemetry",
        "tools",
        "paging",
        "prepared",
        "prepared_job",
        "sqlite",
        "write_ahead_log",
        "azure",
        "optimistic",
        "busy",
        "session_secret",
        "foreign_ids",
        "idempotency",
        "stored_keys",
        "usage",
        "budgets",
    },
    {"deps"},
    {"holds", "client_tokens", "webhooks"},
    {"files", "owners"},
    {"vector_stores"},
    {"assistants", "forwarding"},
    {"threads"},
    {"runs"},
    {"housekeeping", "moving", "retention", "scheduled"},
    {"api"},
    {"demo"},
    {"preload"},
    {"box"},
    {"app"},
    {"smoke"},
    {"doctor", "backup"},
    {"embedded", "functions_bridge", "functions_http"},
    {"cli", "__main__"},
]
PORTS = ["store", "blobs", "queue", "llm", "sandbox", "sealing", "telemetry"]
#: Modules that may import one another's private helpers are none; these libraries stay in the files named.
CONFINED = {
    "azure.functions": {"function_app.py"},
    "azurefunctions": {"functions_http.py"},
    "click": {path.name for path in (PACKAGE / "cli").glob("*.py")},
    "rich": {"tables.py", "progress.py"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """Each imported module, and whether it is hidden inside a function."""
    return [*find_imports(path)]


def find_imports(path: Path) -> Iterator[tuple[str, bool]]:
    tree = tree_of(path)
    hidden = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in hidden) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = [f"{node.module}.{alias.name}" for alias in node.names]
            known = [name for name in deeper if (ROOT / (name.replace(".", "/") + ".py")).exists()]
            yield from ((name, node in hidden) for name in (known or [node.module]))


def floor_of(module: str) -> int:
    part = module.split(".")[1] if "." in module else ""
    for height, floor in enumerate(FLOORS):
        if part in floor:
            return height
    raise AssertionError(f"{module} is on no floor: add it to FLOORS")


@pytest.mark.parametrize("name", sorted(set().union(*FLOORS)))
def test_every_name_on_a_floor_is_a_module_or_a_folder(name: str) -> None:
    assert (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()


def test_imports_go_down() -> None:
    upwards = [
        f"{name_of(path)} imports {imported}"
        for path in modules()
        if name_of(path) != "shared"
        for imported, _ in imports(path)
        if imported.startswith("shared.") and floor_of(imported) > floor_of(name_of(path))
    ]
    assert upwards == []


def late() -> list[str]:
    """Patterns of the files that may import what is heavy inside a function, as pyproject.toml lists them."""
    ignores = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]["per-file-ignores"]
    return [pattern for pattern, rules in ignores.items() if rules == ["PLC0415"]]


def test_our_own_modules_are_imported_at_the_top() -> None:
    """But where a heavy library comes with them; and the composition root loads only what a box needs."""
    may = late()
    found = [
        f"{name_of(path)} imports {name}"
        for path in modules()
        if not any(path.relative_to(ROOT).match(pattern) for pattern in may)
        for name, hidden in imports(path)
        if hidden and name.startswith("shared")
    ]
    assert found == []


@pytest.mark.parametrize("pattern", late())
def test_files_that_may_import_late_do(pattern: str) -> None:
    assert any(hidden for path in ROOT.glob(pattern) for _, hidden in imports(path))


@pytest.mark.parametrize("port", PORTS)
def test_only_the_composition_root_names_adapters(port: str) -> None:
    adapters = {
        name_of(path)
        for path in (PACKAGE / port).rglob("*.py")
        if path.stem not in ("base", "consumer", "provider", "spares", "__init__")
    }
    for path in modules():
        if name_of(path) == "shared.app" or path.is_relative_to(PACKAGE / port):
            continue
        assert not adapters & {name for name, _ in imports(path)}, path


def test_the_smoke_test_knows_clients_only() -> None:
    """It is about boxes as they are deployed: what it knows of one, it asked over HTTP."""
    for path in (PACKAGE / "smoke").glob("*.py"):
        ours = {name for name, _ in imports(path) if name.startswith("shared")}
        assert all(name.startswith("shared.smoke") for name in ours), path


def test_no_public_class_is_defined_twice() -> None:
    """One name for one thing. The programs inside the sandbox stand alone: they cannot import ours."""
    places: dict[str, list[str]] = {}
    for path in modules():
        if path.is_relative_to(PACKAGE / "sandbox" / "inside"):
            continue
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name_of(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_constants_say_what_they_measure() -> None:
    """A bare name would mean something else in every module."""
    bare = {"AGAIN", "KEPT", "LONGEST", "LOOK", "PAGE", "PATIENCE", "PATIENCE_SECONDS", "PAUSE", "POLL", "SECONDS"}
    found = [
        f"{name_of(path)}.{target.id}"
        for path in modules()
        for node in tree_of(path).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id.lstrip("_") in bare
    ]
    assert found == []


def test_each_number_has_a_note() -> None:
    """Its own, or that of the number right above it. Statuses of HTTP need none: their names say it."""
    statuses = {(401, 403), *range(300, 500)}
    bare = [
        f"{module}.{name}"
        for module, name, value, note in numbers()
        if not note and value not in statuses and module.rpartition(".")[2] not in NO_LIMITS
    ]
    assert bare == [], "say above it what it measures, and in which unit: `#: Seconds between two looks.`"


@pytest.mark.parametrize("library", CONFINED)
def test_a_library_stays_where_it_belongs(library: str) -> None:
    for path in [*modules(), *ROOT.glob("*.py")]:
        if path.name not in CONFINED[library]:
            assert not any(name == library or name.startswith(library + ".") for name, _ in imports(path)), path


def test_modules_are_short_and_introduce_themselves() -> None:
    assert [name_of(path) for path in modules() if len(path.read_text().splitlines()) > 300] == []
    assert [name_of(path) for path in modules() if not ast.get_docstring(tree_of(path))] == []


def test_functions_are_short() -> None:
    """A function that is longer does several things, which have names."""
    lengths = {
        f"{name_of(path)}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in modules()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_no_import_cycle() -> None:
    graph = {name_of(path): {name for name, _ in imports(path) if name.startswith("shared")} for path in modules()}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above, module))
        if module not in done:
            for imported in graph.get(module, ()):
                visit(imported, (*above, module))
            done.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize("path", sorted((PACKAGE / "objects").glob("*.py")), ids=name_of)
def test_objects_and_the_requests_about_them_are_files_of_their_own(path: Path) -> None:
    """`X.py` and `X_requests.py`; tools have a folder: they are parts of requests and of what is answered alike."""
    bases = {
        base.id
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }
    if path.stem.endswith("_requests"):
        assert not bases & {"ApiObject", "StoredRecord"}
    elif path.stem != "common":
        assert not bases & {"RequestBody", "OneOfKinds"}


#: What a test may put in place of something of ours, with the reason.
PATCHED = {
    ("landlock", "abi"): "what this machine's kernel can do",
    ("capabilities", "for_reading"): "what this machine's root may do",
    ("terms", "split"): "how a released version did it",
    ("background", "RESTARTS"): "waits of half a minute in all, below a run that is driven",
}


def patched(path: Path) -> Iterator[tuple[str, str]]:
    """What of ours the test puts something in the place of: (module, class or type, name)."""
    tree = ast.parse(path.read_text())
    imports_of_ours = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shared")
    ]
    ours = {alias.asname or alias.name for node in imports_of_ours for alias in node.names}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        if node.func.attr not in ("setattr", "setitem", "delattr", "delitem"):
            continue
        target, name = node.args[0], ast.unparse(node.args[1]).strip("'") if len(node.args) > 1 else ""
        match target:
            case ast.Constant(value=str(text)) if text.startswith("shared."):
                yield text, name
            case ast.Name(id=text) if text in ours:
                yield text, name
            case ast.Call(func=ast.Name(id="type")):
                yield ast.unparse(target), name


def test_limits_are_passed_in_and_ports_doubled_but_nothing_of_ours_is_patched() -> None:
    """`tests.fakes.ports` puts a test between the box and an adapter."""
    tests = [*(ROOT / "tests").glob("*.py"), *(ROOT / "tests").glob("*/*.py")]
    assert {found for path in tests for found in patched(path)} == PATCHED.keys()
