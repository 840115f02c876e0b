"""Questions that one look-up answers: prices, the time, countries, articles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zoneinfo import available_timezones

from shared.demo.offline.conversation import Conversation, Done, PastCall, Reply
from shared.demo.offline.places import countries_in
from shared.demo.offline.tables import words
from shared.json_types import Json

URL = r"https?://[^\s<>\"')\]]+"
_SYMBOL = re.compile(r"(?<![\w@])\$?(\^[A-Z]{2,6}|[A-Z]{6}=X|[A-Z]{1,5}(?:[.-][A-Z]{1,2})?)(?![\w@])")
_NO_SYMBOLS = {"A", "I", "AND", "API", "CEO", "CSV", "EUR", "GBP", "OK", "OR", "PDF", "THE", "UK", "US", "USA", "USD"}
_COMPANIES = {
    "Alphabet": "GOOGL",
    "Amazon": "AMZN",
    "Apple": "AAPL",
    "Berkshire": "BRK-B",
    "Google": "GOOGL",
    "IBM": "IBM",
    "Intel": "INTC",
    "Meta": "META",
    "Microsoft": "MSFT",
    "Netflix": "NFLX",
    "Nvidia": "NVDA",
    "Oracle": "ORCL",
    "SAP": "SAP.DE",
    "Tesla": "TSLA",
}
#: Countries that one question may name.
_MOST_COUNTRIES = 8


def calls_for(conversation: Conversation, name: str, values: Sequence[str]) -> list[PastCall]:
    """One call with all values if the tool takes a list, else one call each."""
    properties = (conversation.tools[name].get("parameters") or {}).get("properties") or {}
    first: Json = next(iter(properties.values()), {})
    if first.get("type") == "array":
        return [conversation.call(name, list(values))]
    return [conversation.call(name, value) for value in values]


def symbols_in(text: str) -> list[str]:
    """Share symbols a text names, directly or by a well-known company."""
    companies = [symbol for name, symbol in _COMPANIES.items() if re.search(rf"\b{name}\b", text, re.IGNORECASE)]
    named = {company.upper() for company in _COMPANIES}
    direct = [symbol for symbol in _SYMBOL.findall(text) if symbol not in _NO_SYMBOLS | named]
    return list(dict.fromkeys([*companies, *direct]))


def quotes_in(outputs: Sequence[Done]) -> dict[str, Json]:
    """Symbol -> quote, whether a call asked for many or for one."""
    quotes: list[Json] = []
    for done in outputs:
        found = done.json() or {}
        quotes += found.get("quotes") or [found]
    return {str(quote["symbol"]).upper(): quote for quote in quotes if "symbol" in quote}


def prices(conversation: Conversation) -> Reply:
    """The answer about the prices of shares: a call of the quote tool, or a sentence made of its outputs."""
    priced = conversation.outputs("get_stock_price")
    if not priced:
        symbols = symbols_in(conversation.text)
        if not symbols:
            return "Please name the shares by their symbols, such as MSFT or SAP.DE."
        return calls_for(conversation, "get_stock_price", symbols)
    quotes = quotes_in(priced)
    if not quotes:
        return "The price service says: " + " ".join(done.output for done in priced)
    return "The prices are:\n\n" + "\n".join(map(_price_line, quotes.values()))


def _price_line(quote: Json) -> str:
    price, change = quote.get("price"), quote.get("change_percent")
    if price is None:
        return f"- {quote['symbol']}: {quote.get('error', 'no price')}"
    moved = "" if change is None else f" ({change:+.2f} % since the previous close)"
    return f"- {quote.get('name') or quote['symbol']} ({quote['symbol']}): {price:,} {quote.get('currency', '')}{moved}"


def time(conversation: Conversation) -> Reply:
    """What time it is, here or there."""
    told = conversation.outputs("get_current_time")
    if not told:
        zones = [zone for zone in sorted(available_timezones()) if _names(conversation.text, zone)]
        return calls_for(conversation, "get_current_time", zones[:5] or ["UTC"])
    return " ".join(map(_time_line, told))


def _names(text: str, zone: str) -> bool:
    city = zone.rpartition("/")[2].replace("_", " ")
    return "/" in zone and not zone.startswith("Etc/") and re.search(rf"\b{re.escape(city)}\b", text) is not None


def _time_line(done: Done) -> str:
    known = done.json()
    if known is None or "time" not in known:
        return f"The clock says: {done.output}"
    day, _, clock = str(known["time"]).partition("T")
    return f"It is {clock[:5]} on {known.get('weekday', '')}, {day}, in {known.get('timezone', 'UTC')}."


def countries(conversation: Conversation) -> Reply:
    """Facts about the countries the question names."""
    told = conversation.outputs("get_country_info")
    if told:
        return countries_told(told)
    named = countries_in(conversation.text) or re.findall(
        r"\b(?:of|about|in|for) ([A-Z]\w+(?: [A-Z]\w+)*)", conversation.text
    )
    if not named:
        return "Please name a country."
    return calls_for(conversation, "get_country_info", named[:_MOST_COUNTRIES])


def countries_told(told: Sequence[Done]) -> str:
    """What the country service said, a line for each country."""
    lines = []
    for done in told:
        found = (done.json() or {}).get("countries") or []
        lines += [_country_line(entry) for entry in found[:1]] or [f"- {done.output}"]
    return "This is what I found:\n\n" + "\n".join(lines)


def _country_line(entry: Json) -> str:
    facts = {
        "capital": ", ".join(map(str, entry.get("capitals") or [])),
        "region": entry.get("subregion") or entry.get("region"),
        "population": f"{entry['population']:,}" if isinstance(entry.get("population"), int) else None,
        "area": f"{entry['area_km2']:,} km²" if isinstance(entry.get("area_km2"), int | float) else None,
        "languages": ", ".join(map(str, entry.get("languages") or [])),
        "currencies": ", ".join(map(str, entry.get("currencies") or [])),
    }
    return f"- {entry.get('name')}: " + "; ".join(f"{name} {value}" for name, value in facts.items() if value)


def article(conversation: Conversation) -> Reply:
    """What an article says, or which countries it names and what is known about them."""
    fetched = conversation.outputs("fetch_article")
    if not fetched:
        return calls_for(
            conversation, "fetch_article", [url.rstrip(".,;") for url in re.findall(URL, conversation.text)][:3]
        )
    page = fetched[-1].json()
    if page is None or "text" not in page:
        return f"I could not read the article. {fetched[-1].output}"
    if conversation.offers("get_country_info") and conversation.asks("countr|capital"):
        told, named = conversation.outputs("get_country_info"), countries_in(str(page["text"]))
        if told:
            return f"The article “{page.get('title')}” names these countries. {countries_told(told)}"
        if named:
            return calls_for(conversation, "get_country_info", named[:_MOST_COUNTRIES])
        return f"The article “{page.get('title')}” names no country that I know."
    return f"“{page.get('title')}” in a few of its own sentences:\n\n{summary(str(page['text']))}"


def summary(text: str, most: int = 4) -> str:
    """The sentences that share most words with the whole text, in their order."""
    sentences = [each.strip() for each in re.split(r"(?<=[.!?])\s+", " ".join(text.split())) if len(each) > 40]
    frequent: dict[str, int] = {}
    for word in re.findall(r"[a-z]{5,}", text.lower()):
        frequent[word] = frequent.get(word, 0) + 1
    weights = {each: sum(frequent.get(word, 0) for word in words(each)) / (len(each) + 100) for each in sentences}
    best = set(sorted(weights, key=lambda each: -weights[each])[:most])
    return " ".join(each for each in sentences if each in best) or text[:500]
