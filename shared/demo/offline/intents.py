"""The table of what the demo model understands: the first intent that fits the question and the tools answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.demo.offline import documents, facts, functions, portfolio, programs, sums
from shared.demo.offline.conversation import Conversation, Reply

HONESTY = "I am not a language model but this box's offline demo, which follows a handful of rules."
#: No question needs more calls; a tool that answers nonsense must not keep a run going.
_MOST_CALLS = 40
_WISHES = (
    "analy|average|chart|compare|count|create|describe|display|draw|find|give|graph|list|make|mean|plot|print|show|"
    "summar|tell|total"
)


#: Words that only make sense of a table.
_OF_TABLES = "csv|table|spreadsheet|charts?|plot|graph|diagram"


@dataclass(frozen=True, slots=True)
class Intent:
    """Something the demo can do."""

    #: As the demo lists it, and the subject of a mail about it.
    title: str
    example: str
    #: Tools without which it cannot be done.
    needs: tuple[str, ...]
    fits: Callable[[Conversation], Any]
    act: Callable[[Conversation], Reply]


def asks(pattern: str) -> Callable[[Conversation], bool]:
    """Fits questions that have words of the pattern."""
    return lambda conversation: conversation.asks(pattern)


def reply(conversation: Conversation, tool_choice: Any = "auto") -> Reply:
    """The calls to make, or the answer."""
    if not conversation.done and (forced := functions.forced(conversation, tool_choice)) is not None:
        intended = choose(conversation)
        wanted = intended.act(conversation) if intended is not None else []
        return wanted if _is_call_of(wanted, forced) else functions.guessed(conversation, forced)
    if conversation.why_no_code is not None:
        return f"{HONESTY} {without_code(conversation)}\n\n{conversation.why_no_code}"
    intent = choose(conversation)
    answer = unknown(conversation) if intent is None else intent.act(conversation)
    if isinstance(answer, str):
        return f"{HONESTY} {answer}"
    if len(conversation.done) > _MOST_CALLS:
        return f"{HONESTY} I called {len(conversation.done)} functions and give up."
    return answer


def choose(conversation: Conversation) -> Intent | None:
    """The first intent that fits."""
    return next((each for each in INTENTS if conversation.offers(*each.needs) and each.fits(conversation)), None)


def without_code(conversation: Conversation) -> str:
    """What can be said where no program can be run: equations are solved in words."""
    rest = conversation.without("code_interpreter")
    answer = sums.solve(rest) if sums.has_equation(rest) else []
    return answer if isinstance(answer, str) else "That takes a program."


def mail(conversation: Conversation) -> Reply:
    """Find out what the mail should say, by the intent for the rest of the question, then send it."""
    sent = conversation.outputs("send_email")
    if sent and sent[-1].output.startswith("Error"):
        return f"The e-mail to {conversation.address} may not have been sent. {sent[-1].output}"
    if sent:
        return f"I asked for the e-mail to {conversation.address} to be sent. The tool says: {sent[-1].output}"
    if conversation.address is None:
        return "Please tell me the e-mail address."
    rest = conversation.without("send_email")
    intent = choose(rest)
    body = _message(conversation) if intent is None else intent.act(rest)
    if not isinstance(body, str):
        return body
    subject = "A message from your assistant" if intent is None else intent.title
    return [functions.mail(conversation, conversation.address, subject, body)]


def unknown(conversation: Conversation) -> str:
    """What the demo can do, and how to get a real model."""
    able = [each for each in INTENTS if conversation.offers(*each.needs) and each.example]
    examples = "".join(f"\n- {each.title}: “{each.example}”" for each in able)
    can = f"With this assistant's tools I can do:{examples}" if able else "This assistant has no tools that I can use."
    said = " ".join(conversation.text.split())[:200]
    return (
        f"I have no rule for “{said}”. {can}\n\n"
        "For real answers, give the box a model: set AZURE_OPENAI_ENDPOINT, or OPENAI_BASE_URL and OPENAI_API_KEY, "
        "and start it again."
    )


def _message(conversation: Conversation) -> str:
    """What to send when no rule finds anything out: the user's own words, or the answer before."""
    before = conversation.previous.removeprefix(HONESTY).strip()
    return (
        before
        if before and conversation.asks(r"(?:it|that|this|answer|result|report)\b")
        else functions.quoted(conversation.text)
    )


def _is_call_of(wanted: Reply, name: str) -> bool:
    return isinstance(wanted, list) and any(call.name == name for call in wanted)


def _names_a_table(conversation: Conversation) -> bool:
    """A question, and signs that there is a table to answer it from."""
    named = conversation.data_file is not None or conversation.asks(f"{_OF_TABLES}|data|file")
    # Where documents can be searched, a file whose name is no table's is taken for a document.
    documents_only = conversation.offers("file_search") and (
        not conversation.has_table
        or conversation.has_document
        or (conversation.goes_on_about_a_document and not conversation.asks(_OF_TABLES))
    )
    return named and not documents_only and ("?" in conversation.text or conversation.asks(_WISHES))


#: In order: the special before the general.
INTENTS: list[Intent] = [
    Intent(
        "A program of yours",
        "Run this program: ```print(6 * 7)```",
        ("code_interpreter",),
        programs.given,
        programs.run_given,
    ),
    Intent(
        "An e-mail",
        "Send the prices of MSFT and AAPL to me@example.com",
        ("send_email",),
        asks(r"e-?mail|mail|send"),
        mail,
    ),
    Intent(
        "An article",
        "Summarize https://example.com/article",
        ("fetch_article",),
        lambda conversation: re.search(facts.URL, conversation.text),
        facts.article,
    ),
    Intent("An equation", "Solve 3x + 11 = 14", (), sums.has_equation, sums.solve),
    Intent(
        "Your investments",
        "What investments do I own, and what are they worth?",
        ("code_interpreter",),
        asks(r"invest|portfolio|holdings|my (?:stocks|shares|funds)|i own"),
        portfolio.answer,
    ),
    Intent(
        "Share prices",
        "What is the price of MSFT?",
        ("get_stock_price",),
        asks(r"stock|share|price|quote|trading|ticker"),
        facts.prices,
    ),
    Intent("The time", "What time is it in Tokyo?", ("get_current_time",), asks(r"time|date|day is"), facts.time),
    Intent(
        "A country",
        "What is the capital of Norway?",
        ("get_country_info",),
        asks(r"countr|capital|population|language|currenc"),
        facts.countries,
    ),
    Intent(
        "A table",
        "Show a chart of the file, by state",
        ("code_interpreter",),
        _names_a_table,
        programs.answer,
    ),
    Intent(
        "Your documents", "What do the documents say about refunds?", ("file_search",), asks(r"\w"), documents.answer
    ),
    Intent("Your functions", "", (), functions.best, functions.call_best),
]
