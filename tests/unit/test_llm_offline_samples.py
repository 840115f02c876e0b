"""Every prompt of every sample assistant works with the demo model: it finds a rule, and its programs run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from shared.config import Settings
from shared.demo.offline.intents import HONESTY
from shared.tools.base import toolbox
from shared.tools.catalog import catalog
from tests.unit.test_llm_offline import CODE, SEARCH, Talk
from tests.unit.test_llm_offline_programs import Workbench

SAMPLES = Path(__file__).parents[2] / "shared" / "demo" / "samples"
PROMPTS = [
    pytest.param(path.parent, prompt, id=f"{path.parent.name}-{number}")
    for path in sorted(SAMPLES.glob("*/prompts.json"))
    for number, prompt in enumerate(json.loads(path.read_text()))
]
BUILT_IN = {"code_interpreter": CODE, "file_search": SEARCH}
FAILURES = ("I have no rule", "could not", "Traceback", "Error", "Empty DataFrame", "says:")


class Desk(Workbench):
    """A workbench with the box's other tools, recorded."""

    def _carry_out(self, name: str, arguments: dict) -> str:
        match name:
            case "get_stock_price":
                quotes = [{"symbol": s, "price": 100.0, "currency": "USD"} for s in arguments["symbols"]]
                return json.dumps({"quotes": quotes})
            case "fetch_article":
                text = "Belgium, the Netherlands and Luxembourg work together in the Benelux Union. " * 4
                return json.dumps({"url": arguments["url"], "title": "Benelux", "text": text})
            case "get_country_info":
                return json.dumps({"countries": [{"name": arguments["country"], "capitals": ["Somewhere"]}]})
            case "send_email":
                return "The email was handed over for delivery."
            case "file_search":
                texts = {path.name: path.read_text() for path in self.data.glob("*.md")}
                return "\n\n".join(f"【0:{n}†{name}】\n{text}" for n, (name, text) in enumerate(texts.items()))
            case "get_current_time":
                return json.dumps({"time": "2026-03-02T09:15:00+00:00", "weekday": "Monday", "timezone": "UTC"})
        return self._run(arguments["code"])


def talk_with(sample: Path, home: Path) -> Talk:
    assistant = json.loads((sample / "assistant.json").read_text())
    tools_by_name = toolbox(catalog(Settings(_env_file=None, box_home=home), embedded=True))
    wanted = assistant.get("metadata", {}).get("server_tools", "").split()
    tools = [BUILT_IN[tool["type"]] for tool in assistant["tools"] if tool["type"] in BUILT_IN]
    tools += [{"type": "function", **tools_by_name[name].describe()["function"]} for name in wanted]
    return Talk(*tools, instructions=assistant["instructions"])


def test_no_sample_is_forgotten():
    assert len({each.values[0] for each in PROMPTS}) == 5


@pytest.mark.parametrize(("sample", "prompt"), PROMPTS)
async def test_a_sample_prompt_is_answered(sample, prompt, tmp_path):
    assistant = json.loads((sample / "assistant.json").read_text())
    for name in [*assistant.get("files", []), *assistant.get("documents", [])]:
        shutil.copy(sample / name, tmp_path)
    desk = Desk(tmp_path)
    answer = await desk.work(talk_with(sample, tmp_path), prompt)
    assert answer.startswith(HONESTY)
    assert not [words for words in FAILURES if words in answer.replace("The tool says:", "").replace("It says:", "")], (
        answer
    )
    if "chart" in prompt.lower() or "plot" in prompt.lower():
        assert desk.charts >= 1
