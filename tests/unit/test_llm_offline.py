"""The demo model says what it is, picks the right tool, and makes an answer of what the tool gives."""

from __future__ import annotations

import json
import time

import pytest

from shared.app import model
from shared.config import Settings
from shared.demo import OFFLINE
from shared.demo.offline import OfflineLlm
from shared.demo.offline.intents import HONESTY
from shared.json_types import Json
from shared.llm.base import ArgumentsDelta, CallStarted, LlmError, TextDelta, TurnDone, TurnRequest

EQUATION = "I need to solve the equation `3x + 11 = 14`. Can you help me?"


def function(name: str, description: str = "", **parameters: object) -> Json:
    properties = {key: {"type": kind} if isinstance(kind, str) else kind for key, kind in parameters.items()}
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "name": name, "description": description, "parameters": schema}


SYMBOLS = {"type": "array", "items": {"type": "string"}}
PRICES = function("get_stock_price", symbols=SYMBOLS)
CODE = function("code_interpreter", code="string")
MAIL = function("send_email", to="string", subject="string", body="string")
COUNTRY = function("get_country_info", country="string")
ARTICLE = function("fetch_article", url="string")
CLOCK = function("get_current_time", timezone="string")
SEARCH = function("file_search", query="string")
WEATHER = function("get_weather", "Tells the weather in a city.", city="string")


class Talk:
    """A conversation with the demo model; the test plays the tools."""

    def __init__(self, *tools: Json, instructions: str = "", **wishes):
        self.llm = OfflineLlm(seconds_per_word=0)
        self.tools, self.instructions, self.wishes = list(tools), instructions, wishes
        self.input: list[Json] = []

    async def ask(self, text: str) -> str | list[tuple[str, Json]]:
        self.input.append({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})
        return await self._turn()

    async def give(self, *outputs: object) -> str | list[tuple[str, Json]]:
        texts = [output if isinstance(output, str) else json.dumps(output) for output in outputs]
        for call, output in zip(self.calls, texts, strict=True):
            self.input.append({"type": "function_call_output", "call_id": call["call_id"], "output": output})
        return await self._turn()

    async def _turn(self) -> str | list[tuple[str, Json]]:
        request = TurnRequest("any", self.instructions, list(self.input), self.tools, **self.wishes)
        *_, done = [event async for event in self.llm.stream(request, time.time())]
        self.input += done.turn.items
        self.calls = [item for item in done.turn.items if item["type"] == "function_call"]
        if self.calls:
            return [(call["name"], json.loads(call["arguments"])) for call in self.calls]
        return done.turn.items[0]["content"][0]["text"]


async def test_it_says_first_what_it_is():
    answer = await Talk().ask(EQUATION)
    assert answer.startswith(HONESTY)
    assert "not a language model" in HONESTY


async def test_a_linear_equation_is_solved_in_words():
    assert (await Talk().ask(EQUATION)).endswith("So x = 1.")
    assert (await Talk().ask("2y − 3 = 4")).endswith("So y = 7/2.")
    assert "only solve equations such as" in await Talk().ask("x^2 = 4")


async def test_an_equation_goes_to_the_code_interpreter():
    talk = Talk(CODE)
    [(name, arguments)] = await talk.ask(EQUATION)
    assert name == "code_interpreter"
    assert "Eq(3*x + 11, 14, " in arguments["code"]
    assert (await talk.give("Solution: x = 1")).endswith("Solution: x = 1")


async def test_where_no_code_can_be_run_an_equation_is_solved_in_words():
    refused = "The code interpreter cannot run here: bwrap: the package bubblewrap is not installed."
    talk = Talk(CODE)
    await talk.ask(EQUATION)
    assert (await talk.give(f"Error: {refused}")).endswith(f"So x = 1.\n\n{refused}")
    await talk.ask("Which bank in banks.csv failed last?")
    assert await talk.give(f"Error: {refused}") == f"{HONESTY} That takes a program.\n\n{refused}"


async def test_the_boxs_remarks_are_not_repeated_but_files_are_linked():
    talk = Talk(CODE, instructions="Use data.csv")
    await talk.ask("List the rows, and let me download them")
    await talk.give({"path": "/mnt/data/data.csv", "rows": 1, "columns": {"a": {"kind": "number", "values": []}}})
    remarks = (
        "(1 chart(s) shown to the user.)\n(File /mnt/data/result.csv written; link it as sandbox:/mnt/data/result.csv.)"
    )
    answer = await talk.give(f"1 rows\n{remarks}")
    assert answer.endswith("```\n1 rows\n```\n\n[result.csv](sandbox:/mnt/data/result.csv)")


async def test_a_program_in_the_question_is_run_as_it_is():
    talk = Talk(CODE)
    [(name, arguments)] = await talk.ask("Run exactly this program, once:\n```python\nprint(6 * 7)\n```")
    assert (name, arguments) == ("code_interpreter", {"code": "print(6 * 7)"})
    assert "42" in await talk.give("42")
    assert await talk.ask("And what is `6 * 7`?") != [("code_interpreter", {"code": "6 * 7"})]


async def test_small_talk_is_no_question_about_a_table():
    assert "I have no rule" in await Talk(CODE, instructions="Use data.csv").ask("Thanks!")


async def test_a_function_is_drawn():
    [(_, arguments)] = await Talk(CODE).ask("Plot y = x^2 - 4 please")
    assert "y = x**2 - 4" in arguments["code"]
    assert "plt.show()" in arguments["code"]


async def test_a_sum_is_calculated():
    [(_, arguments)] = await Talk(CODE).ask("What is 12 * (3 + 4)?")
    assert eval(arguments["code"].removeprefix("print")) == ("12 * (3 + 4) =", 84)


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ("What's 10 - 4 raised to the 2.7", 10 - 4**2.7),
        ("What is 2 to the power of 10?", 1024),
        ("(1 + 2) times 3", 9),
        ("How much is 100 divided by 8 minus 2?", 10.5),
        ("Add it up (3 plus 4).", 7),
    ],
)
async def test_a_sum_may_be_said_in_words(question, result):
    [(_, arguments)] = await Talk(CODE).ask(question)
    assert eval(arguments["code"].removeprefix("print"))[1] == result


async def test_shares_are_known_by_symbol_and_company():
    talk = Talk(PRICES)
    assert await talk.ask("What is the stock price of Microsoft and SAP.DE in USD, a CEO asks?") == [
        ("get_stock_price", {"symbols": ["MSFT", "SAP.DE"]})
    ]
    msft = {"symbol": "MSFT", "name": "Microsoft", "price": 512.3, "currency": "USD", "change_percent": 1.5}
    answer = await talk.give({"quotes": [msft, {"symbol": "SAP.DE", "error": "no price today"}]})
    assert "Microsoft (MSFT): 512.3 USD (+1.50 % since the previous close)" in answer
    assert "SAP.DE: no price today" in answer


async def test_a_client_function_for_one_symbol_is_called_for_each():
    calls = await Talk(function("get_stock_price", symbol="string")).ask("Prices of MSFT and AAPL?")
    assert calls == [("get_stock_price", {"symbol": "MSFT"}), ("get_stock_price", {"symbol": "AAPL"})]


async def test_the_time_is_asked_for_the_city():
    talk = Talk(CLOCK)
    assert await talk.ask("What time is it in Tokyo?") == [("get_current_time", {"timezone": "Asia/Tokyo"})]
    answer = await talk.give({"time": "2026-03-02T09:15:00+09:00", "weekday": "Monday", "timezone": "Asia/Tokyo"})
    assert "It is 09:15 on Monday, 2026-03-02, in Asia/Tokyo." in answer
    assert await Talk(CLOCK).ask("What time is it?") == [("get_current_time", {"timezone": "UTC"})]


async def test_a_country_is_looked_up():
    talk = Talk(COUNTRY)
    assert await talk.ask("What is the capital of Norway?") == [("get_country_info", {"country": "Norway"})]
    answer = await talk.give({"countries": [{"name": "Norway", "capitals": ["Oslo"], "population": 5500000}]})
    assert "- Norway: capital Oslo; population 5,500,000" in answer


async def test_an_article_is_fetched_and_summed_up():
    talk = Talk(ARTICLE)
    assert await talk.ask("Summarize https://example.com/a.") == [("fetch_article", {"url": "https://example.com/a"})]
    text = "The river rose by two metres in one night after the rain. It was late. " * 3
    assert "The river rose" in await talk.give({"title": "Flood", "text": text})
    assert "could not read" in await Talk.give(talk_about_article := await article_talk(), "Error: blocked")
    assert talk_about_article.calls == []


async def article_talk() -> Talk:
    talk = Talk(ARTICLE)
    await talk.ask("Summarize https://example.com/b")
    return talk


async def test_the_countries_of_an_article_are_looked_up():
    talk = Talk(ARTICLE, COUNTRY)
    await talk.ask("Which countries does https://example.com/a name? Give their capitals.")
    calls = await talk.give({"title": "Borders", "text": "South Sudan and Kenya met. Kenya agreed."})
    assert calls == [("get_country_info", {"country": "South Sudan"}), ("get_country_info", {"country": "Kenya"})]
    answer = await talk.give({"countries": [{"name": "South Sudan", "capitals": ["Juba"]}]}, "Error: no key")
    assert "capital Juba" in answer
    assert "Error: no key" in answer


async def test_a_mail_is_sent_with_the_users_words():
    talk = Talk(MAIL)
    assert await talk.ask('Send "Lunch at noon?" to a@b.ch') == [
        ("send_email", {"to": "a@b.ch", "subject": "A message from your assistant", "body": "Lunch at noon?"})
    ]
    assert "The tool says: handed over" in await talk.give("handed over")


async def test_a_mail_that_was_not_sent_is_told():
    talk = Talk(MAIL)
    await talk.ask('Send "Lunch at noon?" to a@b.ch')
    assert "may not have been sent. Error: nobody listens" in await talk.give("Error: nobody listens")


async def test_an_answer_is_found_before_it_is_mailed():
    talk = Talk(MAIL, PRICES)
    assert (await talk.ask("Send the price of MSFT to a@b.ch"))[0][0] == "get_stock_price"
    [(name, arguments)] = await talk.give({"quotes": [{"symbol": "MSFT", "price": 500, "currency": "USD"}]})
    assert (name, arguments["subject"]) == ("send_email", "Share prices")
    assert "MSFT (MSFT): 500 USD" in arguments["body"]


async def test_the_answer_before_can_be_mailed():
    talk = Talk(MAIL, COUNTRY)
    await talk.ask("What is the capital of Norway?")
    await talk.give({"countries": [{"name": "Norway", "capitals": ["Oslo"]}]})
    [(_, arguments)] = await talk.ask("Mail that to a@b.ch")
    assert "capital Oslo" in arguments["body"]
    assert HONESTY not in arguments["body"]


async def test_missing_prices_are_told():
    talk = Talk(CODE, PRICES)
    await talk.ask("What are my investments worth?")
    await talk.give({"holdings": [{"symbol": "MSFT", "quantity": 2, "average_cost": 90}]})
    answer = await talk.give({"quotes": [{"symbol": "MSFT", "error": "no network"}]})
    assert "| MSFT | 2 | 90.00 | 180.00 |" in answer
    assert "no prices to be had" in answer


@pytest.mark.parametrize(
    "found",
    [
        "【4:0†faq.txt】 We open at nine.\n\n【4:1†shop.txt】 You can return shoes for 30 days.",
        "We open at nine. 【4:0†faq.txt】\nYou can return shoes for 30 days. 【4:1†shop.txt】\n",
        json.dumps(
            {
                "results": [
                    {"source": "【4:0†faq.txt】", "text": "We open at nine."},
                    {"source": "【4:1†shop.txt】", "file": "shop.txt", "text": "You can return shoes for 30 days."},
                ]
            }
        ),
    ],
)
async def test_documents_are_quoted_with_their_markers(found):
    talk = Talk(SEARCH)
    assert await talk.ask("How long can I return shoes?") == [
        ("file_search", {"query": "How long can I return shoes?"})
    ]
    assert "“You can return shoes for 30 days.”【4:1†shop.txt】" in await talk.give(found)


async def test_a_document_for_both_tools_is_answered_from_the_document():
    talk = Talk(CODE, SEARCH)
    question = "Where is the head office in this file?"
    attached = f"{question}\n(attached: contoso.pdf, in /mnt/data/file-x, in file_search)"
    assert [name for name, _ in await talk.ask(attached)] == ["file_search"]
    told = await talk.give("【0:0†contoso.pdf】\nThe head office is in Zurich.")
    assert "The head office is in Zurich.”【0:0†contoso.pdf】" in told


async def test_a_table_beside_documents_stays_a_table():
    talk = Talk(CODE, SEARCH)
    asked = await talk.ask("Show a chart of the file\n(attached: sales.csv, in /mnt/data/file-x)")
    assert [name for name, _ in asked] == ["code_interpreter"]
    await talk.give("nothing")
    assert [name for name, _ in await talk.ask("And the average of the data?")] == ["code_interpreter"]


TABLE_RULES = "The file sales.csv has the sales."
POLICY = "(attached: policy.md, in /mnt/data/file-y, in file_search)"


async def test_a_document_beside_a_table_is_answered_from_the_document():
    talk = Talk(CODE, SEARCH, instructions=TABLE_RULES)
    assert [name for name, _ in await talk.ask(f"What is the deadline for refunds?\n{POLICY}")] == ["file_search"]
    await talk.give("【0:0†policy.md】\nRefunds are possible for 30 days.")
    assert [name for name, _ in await talk.ask("And what does it say about shoes?")] == ["file_search"]
    await talk.give("【1:0†policy.md】\nShoes are refunded for 60 days.")
    assert [name for name, _ in await talk.ask("Show a chart of sales.csv by state")] == ["code_interpreter"]


async def test_a_table_that_follows_a_document_is_answered_from_the_table():
    talk = Talk(CODE, SEARCH)
    await talk.ask(f"What does the file say about refunds?\n{POLICY}")
    await talk.give("【0:0†policy.md】\nRefunds are possible for 30 days.")
    asked = await talk.ask("What is the average of this file?\n(attached: sales.csv, in /mnt/data/file-x)")
    assert [name for name, _ in asked] == ["code_interpreter"]


async def test_a_clients_function_is_called_with_guessed_arguments():
    talk = Talk(WEATHER)
    assert await talk.ask("What is the weather in Oslo?") == [("get_weather", {"city": "Oslo"})]
    assert "The function get_weather says: rain" in await talk.give("rain")


async def test_guesses_fit_the_schema():
    level = {"type": "string", "enum": ["low", "high"]}
    tool = function("set_alarm", "Set an alarm.", hour="integer", level=level, days=SYMBOLS, on="boolean")
    [(_, arguments)] = await Talk(tool).ask("Set the alarm to 7, high, on Monday")
    assert arguments == {"hour": 7, "level": "high", "days": ["Monday"], "on": True}


async def test_a_client_may_insist_on_a_function_or_on_none():
    insisting = Talk(WEATHER, CLOCK, tool_choice={"type": "function", "name": "get_weather"})
    assert (await insisting.ask("Hello"))[0][0] == "get_weather"
    assert (await Talk(WEATHER, tool_choice="required").ask("Hello"))[0][0] == "get_weather"
    assert isinstance(await Talk(WEATHER, tool_choice="none").ask("What is the weather in Oslo?"), str)


async def test_what_it_cannot_do_it_says_with_what_it_can():
    answer = await Talk(PRICES).ask("Write me a poem")
    assert answer.startswith(HONESTY)
    assert "What is the price of MSFT?" in answer
    assert "What time is it in Tokyo?" not in answer
    assert "AZURE_OPENAI_ENDPOINT" in answer


async def test_answers_take_the_form_the_client_wants():
    assert "answer" in json.loads(await Talk(text_format={"type": "json_object"}).ask("Hi"))
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "label": {"type": "string"}}}
    schema = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "n": {"type": "integer"}, "node": {"$ref": "#/$defs/node"}},
        "$defs": {"node": node},
    }
    value = json.loads(await Talk(text_format={"type": "json_schema", "name": "n", "schema": schema}).ask("Hi"))
    assert value["text"].startswith(HONESTY)
    assert value["n"] == 0
    assert value["node"]["next"] is None


async def test_it_speaks_word_by_word():
    llm = OfflineLlm(seconds_per_word=0)
    request = TurnRequest("m", "", [{"role": "user", "content": EQUATION}])
    *deltas, done = [event async for event in llm.stream(request, 0)]
    assert len(deltas) > 20
    assert all(isinstance(delta, TextDelta) and delta.item == 0 for delta in deltas)
    assert isinstance(done, TurnDone)
    assert "".join(delta.text for delta in deltas) == done.turn.items[0]["content"][0]["text"]
    assert done.turn.usage.output_tokens > 10


async def test_calls_are_announced_and_their_arguments_come_in_pieces():
    request = TurnRequest("m", "", [{"role": "user", "content": EQUATION}], [CODE])
    started, *pieces, done = [event async for event in OfflineLlm(seconds_per_word=0).stream(request, 0)]
    assert isinstance(started, CallStarted)
    assert all(isinstance(piece, ArgumentsDelta) for piece in pieces)
    assert "".join(piece.text for piece in pieces) == done.turn.items[0]["arguments"]


@pytest.mark.parametrize("given", ["", "null", "[]", "{}", '{"quotes": null}', "Error: no network"])
async def test_whatever_a_tool_gives_there_is_an_answer(given):
    questions = {
        "Price of MSFT?": PRICES,
        "What time is it?": CLOCK,
        "Capital of Norway?": COUNTRY,
        "Summarize https://example.com/a": ARTICLE,
        "What do the documents say?": SEARCH,
        "Show a chart of data.csv": CODE,
        "What investments do I own?": CODE,
    }
    for question, tool in questions.items():
        talk = Talk(tool)
        await talk.ask(question)
        assert (await talk.give(given)).startswith(HONESTY)


async def test_a_background_turn_is_ready_at_once_and_stays_readable():
    llm = OfflineLlm()
    request = TurnRequest("m", "", [{"role": "user", "content": EQUATION}])
    response_id = await llm.start(request, "run_1-0", deadline=0)
    assert await llm.start(request, "run_1-0", deadline=0) == response_id
    turn = await llm.poll(response_id)
    assert turn is not None
    assert turn == await llm.poll(response_id)
    await llm.cancel(response_id)
    with pytest.raises(LlmError):
        await llm.poll(response_id)


def test_what_it_is_asked_is_booked_on_nobody_else():
    assert OfflineLlm().answering("gpt-4o") == OFFLINE


@pytest.mark.parametrize(("processes", "can"), [(1, True), (2, False)])
def test_turns_in_the_background_are_for_a_box_of_one_process(processes: int, can: bool):
    """They live in the process that began them; another would be asked for the turn, and know nothing of it."""
    assert model(Settings(_env_file=None, box_processes=processes)).can_run_in_background is can
