"""School mathematics: equations, plots of functions, sums. With a code interpreter as a program, else in words."""

from __future__ import annotations

import re
from fractions import Fraction

from shared.demo.offline.conversation import Conversation, Reply

#: Words between numbers -> the sign that they mean; "raised to the 2.7", "to the power of 3".
_SIGNS = [
    (r"raised\s+to(?:\s+the)?(?:\s+power(?:\s+of)?)?|to\s+the\s+power(?:\s+of)?", "^"),
    ("plus", "+"), ("minus", "-"), (r"times|multiplied\s+by", "*"), (r"divided\s+by", "/"),
]  # fmt: skip
_MINUS = str.maketrans("−–·×÷", "--**/")
_FUNCTIONS = "sin|cos|tan|exp|log|sqrt|pi"
_DRAW = "plot|draw|graph|sketch"
_EXPRESSION = rf"(?:\b(?:{_FUNCTIONS})\b|\b[a-z]\b|\d+(?:\.\d+)?(?:[a-z]\b)?|[-+*/^() ])+"
_EQUATION = re.compile(rf"({_EXPRESSION})=({_EXPRESSION})", re.IGNORECASE)
_FUNCTION = re.compile(rf"\b(?:y|f\(x\))\s*=\s*({_EXPRESSION})", re.IGNORECASE)
_DRAWN = re.compile(
    rf"\b(?:{_DRAW})\s+(?:(?:the|a|graph|function|curve|of)\s+)*({_EXPRESSION})(?:,?\s*please)?[.!?]*\s*$",
    re.IGNORECASE,
)
#: Words -> sympy function, for "the derivative of x^3".
_CALCULUS = [("derivative|differentiate", "diff"), ("integra", "integrate"), ("factor", "factor"), ("expand", "expand")]
_OF = re.compile(
    rf"\b(?:of|differentiate|integrate|factor(?:i[sz]e)?|expand)\s+(?:the\s+)?({_EXPRESSION})", re.IGNORECASE
)
_SUM = re.compile(r"\(*\d[\d.()\s]*(?:[-+*/^][\d.()\s]*)+\d\)*")
_LINEAR = re.compile(r"^\s*(-?\d*\.?\d*)\s*\*?\s*([a-z])\s*(?:([+-])\s*(\d+\.?\d*))?\s*$", re.IGNORECASE)


def has_equation(conversation: Conversation) -> bool:
    """Whether there is something to solve, plot or calculate; next to a table, "2020-2023" are years."""
    text = plain(conversation.text)
    equation = _EQUATION.search(text)
    if equation is not None and re.search("[a-z]", equation[0], re.IGNORECASE) is not None:
        return True
    if calculus(text) is not None:
        return conversation.offers("code_interpreter")
    if not conversation.offers("code_interpreter") or conversation.data_file is not None:
        return False
    return drawn(text) is not None or _SUM.search(text) is not None


def solve(conversation: Conversation) -> Reply:
    """Solve the equation, draw the function, or do the sum of the question."""
    text = plain(conversation.text)
    if not conversation.offers("code_interpreter"):
        return in_words(text)
    printed = conversation.outputs("code_interpreter")
    if not printed:
        return [conversation.call("code_interpreter", program(text, plot=conversation.asks(_DRAW)))]
    return f"I ran a small Python program for this. It says:\n\n{printed[-1].printed}"


def program(text: str, *, plot: bool) -> str:
    """The Python program that answers the question."""
    function = drawn(text)
    if plot and function is not None:
        return _PLOT.format(expression=as_python(function), text=function)
    if (found := calculus(text)) is not None:
        verb, expression = found
        return _CALCULATE.format(verb=verb, expression=as_python(expression))
    equation = _EQUATION.search(text)
    if equation is not None:
        left, right = equation[1], equation[2]
        name = next(iter(re.findall(r"[a-z]", re.sub(_FUNCTIONS, "", left + right, flags=re.IGNORECASE))), "x")
        return _SOLVE.format(name=name, left=as_python(left), right=as_python(right))
    sum_ = _SUM.search(text)
    expression = sum_[0] if sum_ else "0"
    while expression.endswith(")") and expression.count(")") > expression.count("("):
        expression = expression[:-1]  # the sentence's own
    # Said with its result: what of the question was left out shows.
    return f'print("{" ".join(expression.split())} =", {as_python(expression)})'


def drawn(text: str) -> str | None:
    """The function of x to draw: after "y =", or what "plot" is said of."""
    function = _FUNCTION.search(text)
    if function is None:
        function = _DRAWN.search(text)
        if function is None or re.search(r"\bx\b|\dx\b", function[1]) is None:
            return None
    return function[1].strip()


def calculus(text: str) -> tuple[str, str] | None:
    """The sympy function that the question asks for, and the expression in x to apply it to."""
    verb = next((verb for pattern, verb in _CALCULUS if re.search(rf"\b(?:{pattern})", text, re.IGNORECASE)), None)
    of = _OF.search(text)
    return (verb, of[1]) if verb is not None and of is not None and "x" in of[1] else None


def in_words(text: str) -> str:
    """A linear equation, solved step by step without any tool."""
    equation = _EQUATION.search(text)
    left = _LINEAR.match(equation[1]) if equation is not None else None
    if equation is None or left is None or not re.fullmatch(r"\s*-?\d+(?:\.\d+)?\s*", equation[2]):
        return "Without a code interpreter I can only solve equations such as 3x + 11 = 14."
    factor = Fraction({"": "1", "-": "-1"}.get(left[1], left[1]))
    addend = Fraction(f"{left[3] or '+'}{left[4] or '0'}")
    right, name = Fraction(equation[2].strip()), left[2]
    if factor == 0:
        return f"There is no {name} in this equation."
    verb = "Subtract" if addend >= 0 else "Add"
    return (
        f"To solve {equation[0].strip()}:\n\n"
        f"1. {verb} {_number(abs(addend))} on both sides: {_number(factor)}{name} = {_number(right - addend)}\n"
        f"2. Divide both sides by {_number(factor)}: {name} = {_number((right - addend) / factor)}\n\n"
        f"So {name} = {_number((right - addend) / factor)}."
    )


def plain(text: str) -> str:
    """The text with the signs of a keyboard, also where a sum is said in words."""
    typed = text.translate(_MINUS).replace("²", "^2").replace("³", "^3").replace("`", " ")
    for words, sign in _SIGNS:
        typed = re.sub(rf"(?<=[\d)])\s+(?:{words})\s+(?=[\d(])", f" {sign} ", typed, flags=re.IGNORECASE)
    return typed


def as_python(expression: str) -> str:
    """`3x^2` as `3*x**2`."""
    spelled = re.sub(r"(\d)\s*(?=[a-z(])", r"\1*", expression.strip(), flags=re.IGNORECASE)
    return re.sub(r"\)\s*(?=[a-z(])", ")*", spelled, flags=re.IGNORECASE).replace("^", "**")


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


_SOLVE = """\
from sympy import *

{name} = symbols("{name}")
equation = Eq({left}, {right}, evaluate=False)
print("Equation: ", equation.lhs, "=", equation.rhs)
print("In one side:", expand(equation.lhs - equation.rhs), "= 0")
solutions = solve(equation, {name})
for solution in solutions:
    print("Solution:   {name} =", solution)
if not solutions:
    always = simplify(equation.lhs - equation.rhs) == 0
    print("Every number is a solution." if always else "There is no solution.")
"""

_CALCULATE = """\
from sympy import *

x = symbols("x")
expression = {expression}
print("{verb} of", expression, "is", {verb}(expression))
"""

_PLOT = """\
import matplotlib.pyplot as plt
import numpy as np
from numpy import cos, exp, log, pi, sin, sqrt, tan

x = np.linspace(-10, 10, 401)
y = {expression} + 0 * x
plt.plot(x, y)
plt.axhline(0, color="gray", linewidth=0.8)
plt.axvline(0, color="gray", linewidth=0.8)
plt.grid(alpha=0.3)
plt.title("y = {text}")
plt.show()
print("The chart shows y = {text} for x from -10 to 10.")
"""
