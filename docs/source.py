"""What the source itself says: numbers with a note, and the events that it logs. Read, not imported."""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeGuard

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "shared"
#: Numbers of the kernel and of formats: no limits of ours.
NO_LIMITS: Final = {"seccomp", "syscalls", "landlock", "confine", "none"}


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


def note_above(lines: list[str], number: int) -> str:
    """The `#:` lines right above a line, as one sentence."""
    found: list[str] = []
    while number > 1 and lines[number - 2].strip().startswith("#:"):
        number -= 1
        found.insert(0, lines[number - 1].strip().removeprefix("#:").strip())
    return " ".join(found)


def constants() -> str:
    """Numbers with a `#:` note, module by module; read from the source, so that nothing heavy is imported."""
    rows: list[list[str]] = []
    known: dict[str, Any] = {"MIB": 1 << 20}
    for module, tree, lines in modules():
        for statement in [*tree.body, *(inner for node in tree.body if is_limits(node) for inner in node.body)]:
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
                continue
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            value = number(statement.value, known)
            if value is None or not isinstance(target, ast.Name):
                continue
            known[target.id] = value
            note = note_above(lines, statement.lineno)
            if note and module.rpartition(".")[2] not in NO_LIMITS and "0x" not in lines[statement.lineno - 1]:
                rows.append([f"`{target.id.lstrip('_')}`", amount(value), note, f"`{module}`"])
    return table(("name", "value", "meaning", "where"), rows)


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
    lines = (line.strip().split(maxsplit=1) for line in text.splitlines() if line.startswith("    "))
    return table(("partition", "what is in it"), ([f"`{partition}`", meaning] for partition, meaning in lines))


def log_events() -> str:
    """Every `extra={"action": ...}` of the source: its level, its message, what it carries."""
    found: dict[tuple[str, str], tuple[set[str], list[str]]] = {}
    for module, tree, _ in modules():
        levels = levels_of(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict) and (action := action_of(node)) is not None:
                level, carried = found.setdefault((action, module), (set(), []))
                level |= levels.get(node.lineno, set())
                carried += [key for key in keys_of(node) if key not in carried]
            elif isinstance(node, ast.Call) and (action := named_action(node)) is not None:
                level, carried = found.setdefault((action, module), (set(), []))
                level.add("warning")
                carried += [key.arg for key in node.keywords if key.arg and key.arg not in carried]
    rows = (
        [f"`{action}`", ", ".join(sorted(level)), ", ".join(f"`{key}`" for key in carried), f"`{module}`"]
        for (action, module), (level, carried) in sorted(found.items())
    )
    return table(("action", "level", "fields", "where"), rows)


def levels_of(tree: ast.Module) -> dict[int, set[str]]:
    """Line -> the levels at which `logger` writes there; an `extra` that has a name counts where it is made."""
    levels: dict[int, set[str]] = {}
    made = {
        node.targets[0].id: node.value.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        for keyword in node.keywords:
            if keyword.arg == "extra":
                line = made.get(keyword.value.id) if isinstance(keyword.value, ast.Name) else keyword.value.lineno
                if line is not None:
                    levels.setdefault(line, set()).add({"exception": "error"}.get(node.func.attr, node.func.attr))
    return levels


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


def keys_of(node: ast.Dict) -> list[str]:
    """The other fields; `**facts(error)` stands for what is known of a failure."""
    names: list[str] = []
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and key.value != "action":
            names.append(str(key.value))
        elif key is None and isinstance(value, ast.Call):
            names.append(f"{ast.unparse(value.func)}(…)")
    return names
