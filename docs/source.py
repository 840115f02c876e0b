"""What the source itself says: numbers with a note, and the events that it logs. Read, not imported."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeGuard

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "shared"
#: Where settings are, below `shared`.
SETTINGS: Final = ("config.py", "settings/usage.py", "settings/telemetry.py")
#: Numbers of the kernel and of formats: no limits of ours.
NO_LIMITS: Final = {"capabilities", "seccomp", "syscalls", "landlock", "confine", "none"}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    names = [*head]
    lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def modules() -> Iterator[tuple[str, ast.Module, list[str]]]:
    """Every module's name, tree and lines."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts), ast.parse(text), text.splitlines()


def settings() -> Iterator[tuple[str, str]]:
    """Each setting with its description, the string below it."""
    for file in SETTINGS:
        for each in ast.parse((PACKAGE / file).read_text()).body:
            body = each.body if isinstance(each, ast.ClassDef) else []
            for field, below in pairwise(body):
                match field, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        yield name, " ".join(text.split())


def note_above(lines: list[str], number: int) -> str:
    """The `#:` lines right above a line, as one sentence."""
    found: list[str] = []
    while number > 1 and lines[number - 2].strip().startswith("#:"):
        number -= 1
        found.insert(0, lines[number - 1].strip().removeprefix("#:").strip())
    return " ".join(found)


def constants() -> str:
    """Numbers with a `#:` note, module by module; read from the source, so that nothing heavy is imported."""
    rows = [
        [f"`{name.lstrip('_')}`", amount(value), note, f"`{module}`"]
        for module, name, value, note in numbers()
        if note and module.rpartition(".")[2] not in NO_LIMITS
    ]
    return table(("name", "value", "meaning", "where"), rows)


def numbers() -> Iterator[tuple[str, str, Any, str]]:
    """Module, name, value and note of every number; those in lines right below one another share a note."""
    known: dict[str, Any] = {"MIB": 1 << 20}
    for module, tree, lines in modules():
        end, note = 0, ""
        for statement in [*tree.body, *(inner for node in tree.body if is_limits(node) for inner in node.body)]:
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            value = number(statement.value, known)
            if value is None or not isinstance(target, ast.Name):
                continue
            known[target.id] = value
            shared = note if statement.lineno == end + 1 else ""
            end, note = statement.end_lineno or 0, note_above(lines, statement.lineno) or shared
            if "0x" not in lines[statement.lineno - 1]:
                yield module, target.id, value, note


def is_limits(node: ast.stmt) -> TypeGuard[ast.ClassDef]:
    """Whether a statement is a class of limits."""
    return isinstance(node, ast.ClassDef) and node.name == "Limits"


def number(node: ast.expr, known: dict[str, Any]) -> Any:
    """The value of an expression of numbers, or None."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.Name(id=name):
            return known.get(name)
        case ast.Tuple(elts=parts):
            values = [number(part, known) for part in parts]
            return tuple(values) if values and all(isinstance(each, int | float) for each in values) else None
        case ast.BinOp(left=left, op=ast.Mult() | ast.Add() | ast.Sub() | ast.Pow() as op, right=right):
            sides = number(left, known), number(right, known)
            if all(isinstance(each, int | float) for each in sides):
                does = {ast.Mult: operator.mul, ast.Add: operator.add, ast.Sub: operator.sub, ast.Pow: operator.pow}
                return does[type(op)](*sides)
    return None


def amount(value: Any) -> str:
    """A number as people write it."""
    if isinstance(value, tuple):
        return ", ".join(amount(each) for each in value)
    if isinstance(value, int) and value >= 1 << 20 and value % (1 << 20) == 0:
        return f"{value >> 20:,} MiB"
    return f"{value:,}"


def layout() -> str:
    """What is stored where: the table in the docstring of shared/layout.py."""
    text = ast.get_docstring(ast.parse((PACKAGE / "layout.py").read_text())) or ""
    return table(("partition", "what is in it"), ([f"`{name}`", meaning] for name, meaning in indented_rows(text)))


def indented_rows(text: str) -> Iterator[tuple[str, str]]:
    """Name and meaning of each line that is indented by four spaces; lines indented further go on with the meaning."""
    for row in re.findall(r"^ {4}\S.*(?:\n {5,}\S.*)*", text, re.MULTILINE):
        name, *words = row.split()
        yield name, " ".join(words)


@cache
def log_events() -> str:
    """Every `extra={"action": ...}` of the source: its level, its message, what it carries."""
    found: dict[tuple[str, str], tuple[set[str], list[str]]] = {}
    for module, tree, _ in modules():
        nodes = [*ast.walk(tree)]
        named = named_dicts(nodes)
        levels = levels_of(nodes, named)
        for node in nodes:
            if isinstance(node, ast.Dict) and (action := action_of(node)) is not None:
                level, carried = found.setdefault((action, module), (set(), []))
                level |= levels.get(node, set())
                carried += [key for key in keys_of(node, named) if key not in carried]
            elif isinstance(node, ast.Call) and (action := named_action(node)) is not None:
                level, carried = found.setdefault((action, module), (set(), []))
                level.add("warning")
                carried += [key.arg for key in node.keywords if key.arg and key.arg not in carried]
    rows = (
        [f"`{action}`", ", ".join(sorted(level)), ", ".join(f"`{key}`" for key in carried), f"`{module}`"]
        for (action, module), (level, carried) in sorted(found.items())
    )
    return table(("action", "level", "fields", "where"), rows)


def named_dicts(nodes: Iterable[ast.AST]) -> dict[str, list[ast.Dict]]:
    """Name -> the dictionaries that are written out where it is assigned, anywhere in the module."""
    named: dict[str, list[ast.Dict]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict):
            named.setdefault(node.targets[0].id, []).append(node.value)
    return named


def literal(node: ast.expr, named: dict[str, list[ast.Dict]]) -> ast.Dict | None:
    """The dictionary that an expression is: written out there, or under its name at the nearest place above."""
    if isinstance(node, ast.Dict):
        return node
    above = (
        (each for each in named.get(node.id, []) if each.lineno <= node.lineno) if isinstance(node, ast.Name) else ()
    )
    return max(above, key=lambda each: each.lineno, default=None)


def levels_of(nodes: Iterable[ast.AST], named: dict[str, list[ast.Dict]]) -> dict[ast.Dict, set[str]]:
    """What is given as `extra` -> the levels at which `logger` writes it."""
    levels: dict[ast.Dict, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            for keyword in node.keywords:
                if keyword.arg == "extra" and (extra := literal(keyword.value, named)) is not None:
                    levels.setdefault(extra, set()).update(levels_by(node, node.func.attr))
    return levels


def levels_by(call: ast.Call, method: str) -> set[str]:
    """The levels at which a method of a logger writes; `log` writes at those which its first argument names."""
    if method == "log":
        return {
            each.attr.lower()
            for each in ast.walk(call.args[0])
            if isinstance(each, ast.Attribute) and each.attr.isupper()
        }
    return {{"exception": "error"}.get(method, method)}


def action_of(node: ast.Dict) -> str | None:
    """The literal action of a log line's `extra`."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value == "action" and isinstance(value, ast.Constant):
            return str(value.value)
    return None


def named_action(node: ast.Call) -> str | None:
    """The action of `self._log("model_retried", ...)`."""
    named = isinstance(node.func, ast.Attribute) and node.func.attr == "_log" and node.args
    return str(node.args[0].value) if named and isinstance(node.args[0], ast.Constant) else None


def keys_of(node: ast.Dict, named: dict[str, list[ast.Dict]]) -> list[str]:
    """The other fields; `**facts(error)` stands for what is known of a failure."""
    names: list[str] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value != "action":
            names.append(str(key.value))
        elif key is None and isinstance(value, ast.Call):
            names.append(f"{ast.unparse(value.func)}(…)")
        elif key is None and (more := literal(value, named)) is not None:
            names += keys_of(more, named)
    return names
