"""The model that the clients' stories talk to: it answers a word in the last user message, the same to every client."""

from __future__ import annotations

from collections.abc import Sequence

from shared.json_types import Json
from shared.llm.base import TurnRequest
from shared.llm.script import TurnPart
from shared.llm.scripted import ScriptedLlm, call, fail, incomplete, pause, refusal, search, text, usage

CHART = """
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()
open("/mnt/data/double.csv", "w").write("n\\n2\\n")
print("drawn")
"""
#: A word of the user -> the tool that is called with the next one, and the name of its argument.
TOOLS = {
    "echo": ("echo", "message"),
    "find": ("find", "colour"),
    "forecast": ("forecast", "city"),
    "function": ("weather", "city"),
    "index": ("azure_ai_search", "query"),
    "order": ("order", "umbrella"),
}


def story_model() -> ScriptedLlm:
    """A model for any number of clients at once."""
    llm = ScriptedLlm()
    llm.default = answer
    return llm


def answer(request: TurnRequest) -> Sequence[TurnPart]:
    """The next turn."""
    question, outputs = last_question(request.input), outputs_since_question(request.input)
    match question.split()[0], outputs:
        case "weather", []:
            cities = question.split()[1:]
            return [text("Let me look."), *(call("get_weather", city=city) for city in cities), usage(10, 5)]
        case "weather", _:
            return [text("It is ", "，".join(outputs), "."), usage(20, 7)]
        case "chart", []:
            return [call("code_interpreter", code=CHART)]
        case "chart", _:
            return [text("Here: ", "[double](sandbox:/mnt/data/", "double.csv).")]
        case "search", []:
            return [call("file_search", queries=["raclette"])]
        case "search", [found]:
            marker = found.split("\n")[0]
            return [text("Ràclette 🧀 ", marker[:4], marker[4:] + ".")]
        case "news", _:
            return [search("news of Oslo"), text("Rain ", "[yr]", ".", cites=[("[yr]", "https://yr.no", "Yr")])]
        case "ask", []:
            return [call("stocks", message="price please")]
        case "sum", []:
            return [call("get-sum", a=2, b=3)]
        case "workflow", []:
            return [call("manual-invoke", body={"city": question.split()[1]})]
        case word, [] if word in TOOLS:
            name, argument = TOOLS[word]
            return [call(name, **{argument: question.split()[1]})]
        case word, [answered] if word in ("ask", "sum", "workflow", *TOOLS):
            return [text("I heard: ", answered)]
        case "ponder", _:
            return [pause(0.3), text("You said: ", question)]
        case "slow", _:
            # Word by word, since openai 4 for Node hands an event on only when the next one comes.
            return [text(*[each for number in range(300) for each in (f"{number} ", pause(0.1))])]
        case "fail", _:
            return [text("Well, "), fail("rate_limit_exceeded", "Too much.")]
        case "cut", _:
            return [text("Well, "), incomplete("max_output_tokens")]
        case "refuse", _:
            return [refusal("I ", "won't.")]
    return [text("You said: ", question), usage(10, 5)]


def last_question(items: list[Json]) -> str:
    """What the user said last; a picture is told by its kind."""
    content = next(item["content"] for item in reversed(items) if item.get("role") == "user")
    return " ".join(part.get("text", "(picture)") for part in content)


def outputs_since_question(items: list[Json]) -> list[str]:
    """What the tools answered since."""
    since = list(reversed(items))[: [item.get("role") for item in reversed(items)].index("user")]
    return [str(item["output"]) for item in reversed(since) if item["type"] == "function_call_output"]
