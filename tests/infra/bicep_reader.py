"""Reads a Bicep file into declarations: enough of the language for this project's templates, and strict about it.

What the reader does not know is an error, so a template that parses here is well formed. Types and resource schemas
are the compiler's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.infra.bicep_values import Call, Choice, Declaration, Lambda, Loop, Operation, Path, Text

TOKEN = re.compile(
    r"(?P<newline>\n)|(?P<space>[ \t\r]+|//[^\n]*|/\*[\s\S]*?\*/|\#disable-next-line[^\n]*)|(?P<number>\d+)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<text>')|(?P<mark>::|\?\?|\.\?|==|!=|<=|>=|&&|\|\||=>|[\[\]{}().,:;=?!<>+\-*/%@|])"
)
STRING_END = re.compile(r"\\u\{\w+\}|\\.|\$\{|'|[^\\$'\n]+|\$")
OPERATORS = {"==", "!=", "<", ">", "<=", ">=", "&&", "||", "??", "+", "-", "*", "/", "%"}


class BicepError(Exception):
    """The file is not what this reader takes for Bicep."""


class Reader:
    """A recursive descent over one file's tokens."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.declarations = text, 0, list[Declaration]()
        #: The resources around what is being read.
        self.around: list[Declaration] = []

    # tokens

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def fail(self, wanted: str) -> BicepError:
        return BicepError(f"line {self.line()}: expected {wanted}, found {self.text[self.at : self.at + 20]!r}")

    def peek(self, *, lines: bool = False) -> str:
        """The next token, past spaces and comments; past newlines too if `lines`."""
        while self.at < len(self.text):
            token = TOKEN.match(self.text, self.at)
            if token is None:
                raise self.fail("a token")
            if token.lastgroup == "space" or (lines and token.lastgroup == "newline"):
                self.at = token.end()
                continue
            return token[0]
        return ""

    def take(self, wanted: str | None = None, *, lines: bool = False) -> str:
        token = self.peek(lines=lines)
        if not token or (wanted is not None and token != wanted):
            raise self.fail(wanted or "more")
        self.at += len(token)
        return token

    def took(self, wanted: str, *, lines: bool = False) -> bool:
        before = self.at
        if self.peek(lines=lines) == wanted:
            self.take()
            return True
        self.at = before
        return False

    def name(self) -> str:
        token = self.take()
        if not re.match(r"[A-Za-z_]", token):
            self.at -= len(token)
            raise self.fail("a name")
        return token

    # statements

    def read(self) -> list[Declaration]:
        while self.peek(lines=True):
            decorators = self.decorators()
            if self.peek() == "targetScope":
                self.take()
                self.take("=")
                self.expression()
            else:
                self.declaration(decorators)
            if self.peek() not in ("\n", ""):
                raise self.fail("a new line")
        return self.declarations

    def decorators(self) -> dict[str, tuple[Any, ...]]:
        found = {}
        while self.took("@", lines=True):
            name = self.name()
            self.take("(")
            found[name] = self.arguments()
        self.peek(lines=True)
        return found

    def declaration(self, decorators: dict[str, tuple[Any, ...]]) -> Declaration:
        line, kind = self.line(), self.name()
        if kind not in ("param", "var", "output", "resource", "module"):
            raise BicepError(f"line {line}: {kind!r} starts nothing known")
        new = Declaration(kind, self.name(), line, decorators=decorators)
        new.parent = self.around[-1] if self.around else None
        self.declarations.append(new)
        if kind in ("resource", "module"):
            new.type = self.plain_string()
            new.existing = self.took("existing")
        elif kind != "var":
            new.type = self.type()
        if self.took("="):
            if self.took("if"):
                self.take("(")
                new.condition = self.expression()
                self.take(")")
            self.around.append(new)
            new.value = self.expression()
            self.around.pop()
        elif kind != "param":
            raise self.fail("'='")
        return new

    def type(self) -> str:
        """`string`, `{ name: string, size: int }[]`: as it stands there."""
        self.peek()
        start = self.at
        if self.took("{"):
            while not self.took("}"):
                self.name()
                self.take(":")
                self.type()
                self.separator("}")
        else:
            self.name()
        while self.took("["):
            self.take("]")
        return self.text[start : self.at]

    # expressions

    def expression(self) -> Any:
        operands, operators = [self.operand()], []
        while self.peek() in OPERATORS:
            operators.append(self.take())
            operands.append(self.operand())
        value = operands[0] if len(operands) == 1 else Operation(tuple(operands), tuple(operators))
        if not self.took("?", lines=True):
            return value
        yes = self.expression()
        self.take(":", lines=True)
        return Choice(value, yes, self.expression())

    def operand(self) -> Any:
        token = self.peek(lines=True)
        if token in ("!", "-"):
            self.take()
            return Operation((self.operand(),), (token,))
        if token == "(":
            self.take()
            value = self.expression()
            self.take(")", lines=True)
            return value
        if token == "{":
            return self.object()
        if token == "[":
            return self.array()
        if token == "'":
            return self.string()
        if token.isdigit():
            return int(self.take())
        return self.path()

    def path(self) -> Any:
        name = self.name()
        if name in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[name]
        if self.took("=>"):
            return Lambda(name, self.expression())
        if self.took("("):
            call = Call(name, self.arguments())
            steps = tuple(self.steps())
            return Operation((call, *steps)) if steps else call
        return Path(name + "".join(str(step) for step in self.steps()))

    def steps(self) -> Iterator[str]:
        while True:
            if self.took(".?"):
                yield ".?" + self.name()
            elif self.took("."):
                yield "." + self.name()
                if self.took("("):
                    self.arguments()
                    yield "()"
            elif self.took("::"):
                yield "::" + self.name()
            elif self.took("["):
                safe = "?" if self.took("?") else ""
                index = self.expression()
                self.take("]")
                yield f"[{safe}{index.text if isinstance(index, Path) else index}]"
            elif not self.took("!"):
                return

    def arguments(self) -> tuple[Any, ...]:
        """What stands between parentheses; the opening one is taken."""
        found: list[Any] = []
        while not self.took(")", lines=True):
            found.append(self.expression())
            if not self.took(",", lines=True) and self.peek(lines=True) != ")":
                raise self.fail("',' or ')'")
        return tuple(found)

    def object(self) -> dict[str, Any]:
        self.take("{", lines=True)
        found: dict[str, Any] = {}
        while not self.took("}", lines=True):
            if self.peek(lines=True) in ("resource", "@"):
                self.nested()
                continue
            key = self.string() if self.peek() == "'" else self.name()
            self.take(":")
            if key in found:
                raise BicepError(f"line {self.line()}: {key!r} stands there twice")
            found[key] = self.expression()
            self.separator("}")
        return found

    def nested(self) -> None:
        self.declaration(self.decorators())
        self.separator("}")

    def array(self) -> Any:
        self.take("[", lines=True)
        if self.took("for", lines=True):
            return self.loop()
        found = []
        while not self.took("]", lines=True):
            found.append(self.expression())
            self.separator("]")
        return found

    def loop(self) -> Loop:
        index = ""
        if self.took("("):
            item = self.name()
            self.take(",")
            index = self.name()
            self.take(")")
        else:
            item = self.name()
        self.take("in")
        source = self.expression()
        self.take(":")
        body = self.expression()
        self.take("]", lines=True)
        return Loop(item, index, source, body)

    def separator(self, end: str) -> None:
        if not self.took(",") and self.peek() not in ("\n", end):
            raise self.fail(f"',', a new line or {end!r}")

    def plain_string(self) -> str:
        value = self.string()
        if not isinstance(value, str):
            raise self.fail("a string without ${}")
        return value

    def string(self) -> Any:
        self.take("'")
        parts: list[Any] = []
        while True:
            piece = STRING_END.match(self.text, self.at)
            if piece is None:
                raise self.fail("the end of a string")
            self.at = piece.end()
            if piece[0] == "'":
                break
            if piece[0] == "${":
                parts.append(self.expression())
                self.take("}")
            else:
                parts.append(re.sub(r"\\(['\\$])", r"\1", piece[0]))
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
        return Text(tuple(parts))
