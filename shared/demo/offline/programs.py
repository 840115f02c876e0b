"""Questions about a CSV file: look at its columns, then write a short pandas program. And programs in the question."""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.demo.offline.conversation import Conversation, Done, Reply
from shared.demo.offline.places import STATES
from shared.demo.offline.tables import Column, Question, look, table_in, words

_RANGE = re.compile(r"(?<!\d)(\d++(?:\.\d++)?)\s*(?:-|–|to|and)\s*(\d+(?:\.\d+)?)\s*([A-Za-z%]+)")
_MONTHS = re.compile(r"every (\d+|twelve|six) months|once a year|(annual)", re.IGNORECASE)
_GIVEN = re.compile(r"\b(?:run|execute)\b.*?```(?:python\b)?(.+?)```", re.IGNORECASE | re.DOTALL)
_YEARS = re.compile(r"\b((?:19|20)\d\d)\b")
#: Words before a single year -> how rows compare with it.
_SINGLE_YEARS = [(r"since|from", ">="), (r"after", ">"), (r"before", "<"), (r"until|up to", "<=")]


def answer(conversation: Conversation) -> Reply:
    """Look at the file, compute, tell."""
    printed = conversation.outputs("code_interpreter")
    if not printed:
        return [conversation.call("code_interpreter", look(conversation))]
    found = printed[0].json()
    if found is not None and found.get("path", "") is None:
        return "There is no CSV file here. Attach one to your message, or give one to the assistant."
    table = table_in(found)
    if table is None:
        return f"I could not read a CSV file:\n\n```\n{printed[0].output.strip()[-600:]}\n```"
    if len(printed) == 1:
        question = Question(conversation.text, conversation.instructions, table)
        return [conversation.call("code_interpreter", program(question))]
    return told(printed[-1])


def given(conversation: Conversation) -> bool:
    """Whether there is a program in the question that is to be run."""
    return _GIVEN.search(conversation.text) is not None


def run_given(conversation: Conversation) -> Reply:
    """Run the program that stands in the question, as it is."""
    printed, found = conversation.outputs("code_interpreter"), _GIVEN.search(conversation.text)
    if printed or found is None:
        return told(printed[-1])
    return [conversation.call("code_interpreter", found[1].strip())]


def told(done: Done) -> str:
    """What a program printed, and links to what it wrote, as part of an answer."""
    language = "json" if done.printed[:1] in ("[", "{") else ""
    return f"This is what my program found:\n\n```{language}\n{done.printed}\n```\n{done.links}".rstrip()


def program(question: Question) -> str:
    """The program for the question: load, filter, and what the first fitting line of ACTIONS says."""
    action = next(action for pattern, action in ACTIONS if question.asks(pattern))
    lines = ["import pandas as pd", "", f'table = pd.read_csv("{question.table.path}")']
    lines += [f"table[{c.name!r}] = pd.to_datetime(table[{c.name!r}])" for c in question.table.of_kind("date")]
    lines += [*filters(question), "", *action(question)]
    if question.asks(r"download|export|save|as (?:an? )?(?:csv|file)"):
        lines.append('table.to_csv("/mnt/data/result.csv", index=False)')
    return "\n".join(lines) + "\n"


def filters(question: Question) -> list[str]:
    """Lines that keep the rows the question speaks of: values of columns by name, and years."""
    lines = []
    for column in question.table.of_kind("text"):
        wanted = [value for value in column.values if _speaks_of(question.text, value)]
        if wanted:
            lines.append(f"table = table[table[{column.name!r}].isin({wanted!r})]")
    dates, years = question.table.of_kind("date"), [int(year) for year in _YEARS.findall(question.text)]
    if dates and years:
        year = f"table[{dates[0].name!r}].dt.year"
        open_ended = (sign for pattern, sign in _SINGLE_YEARS if question.asks(rf"(?:{pattern}) {years[0]}"))
        sign = next(open_ended, None) if len(years) == 1 else None
        kept = f"{year}.between({min(years)}, {max(years)})" if sign is None else f"{year} {sign} {years[0]}"
        lines.append(f"table = table[{kept}]")
    return lines


def _speaks_of(text: str, value: str) -> bool:
    """Whether the text names the value; a state's code is named by its name, since IN, OR and ME are words."""
    name = STATES.get(value)
    if name is None:
        return len(value) > 2 and re.search(rf"\b{re.escape(value)}\b", text, re.IGNORECASE) is not None
    found = re.search(rf"\b{name}\b", text, re.IGNORECASE)
    # "West Virginia" is not Virginia.
    return found is not None and not text[: found.start()].lower().endswith("west ")


def _outliers(question: Question) -> list[str]:
    """Rows outside the ranges and intervals that instructions or question give, as JSON."""
    rules = f"{question.text}\n{question.instructions}"
    lines = ["import json", "", "problems = {}", "", "", "def note(rows, problem):"]
    lines += ["    for index in rows.index:", "        problems.setdefault(index, []).append(problem)", "", ""]
    only_dates = question.asks("maintenance|overdue") and not question.asks("outlier|anomal|abnormal|range|outside")
    asked = [each for each in question.table.of_kind("number") if each.words & words(question.text)]
    # "Voltage out of range" is about the voltage, "the outliers" are about all there is.
    only = asked[0] if len(asked) == 1 else None
    for low, high, unit in [] if only_dates else dict.fromkeys(_RANGE.findall(rules)):
        column = question.table.named_in(unit, "number")
        if column is not None and only in (None, column):
            inside = f"table[{column.name!r}].between({low}, {high})"
            lines.append(f'note(table[~{inside}], "{column.name} outside {low}-{high} {unit}")')
    due = _MONTHS.search(rules)
    date = question.table.named_in("maintenance service inspection", "date")
    if due is not None and date is not None and (only is None or date.words & words(question.text)):
        months = {"twelve": 12, "six": 6, None: 12}.get(due[1]) or int(due[1])
        late = f"table[{date.name!r}] < pd.Timestamp.now() - pd.DateOffset(months={months})"
        lines.append(f'note(table[{late}], "{date.name} more than {months} months ago")')
    report = '{**json.loads(table.loc[index].to_json(date_format="iso")), "problems": found}'
    return [*lines, f"print(json.dumps([{report} for index, found in sorted(problems.items())], indent=2))"]


def _chart(question: Question) -> list[str]:
    """A bar chart, or a line over the years, of counts or of a number's sums."""
    by = re.search(r"\b(?:by|per|each|versus|vs|against)\s+(?:the\s+)?([\w ]+)", question.text, re.IGNORECASE)
    spoken = by[1] if by is not None else question.text
    numbers = [each for each in question.table.of_kind("number") if each.words & words(question.text)]
    if len(numbers) > 1:
        return _scatter(numbers[0], numbers[1])
    number = next(iter(numbers), None)
    group = question.table.named_in(spoken, "text", "date")
    dates = question.table.of_kind("date")
    if dates and (re.search(r"\b(?:year|time)", spoken, re.IGNORECASE) or (group is not None and group.kind == "date")):
        years = f"table[{dates[0].name!r}].dt.year"
        # A year in which nothing happened is a zero, not a gap.
        order = f"reindex(range({years}.min(), {years}.max() + 1), fill_value=0)"
        title, key = "year", years
    else:
        group = group or next(iter(question.table.of_kind("text")), question.table.columns[0])
        title, key, order = group.name, f"table[{group.name!r}]", "sort_values(ascending=False)"
    value = f"[{number.name!r}].sum()" if number is not None else ".size()"
    what = number.name if number is not None else "count"
    return [
        "import matplotlib.pyplot as plt",
        "",
        f"values = table.groupby({key}){value}.{order}",
        'shown = f", the 30 largest of {len(values)}" if len(values) > 30 else ""',
        "values = values.nlargest(30) if shown else values",
        "values.plot.bar(figsize=(9, 4.5))",
        f'plt.title("{what} by {title}")',
        f'plt.ylabel("{what}")',
        "plt.tight_layout()",
        "plt.show()",
        f'print("The chart shows the {what} by {title}" + shown + ":")',
        "print(values.to_string())",
    ]


def _scatter(across: Column, up: Column) -> list[str]:
    """One number against another."""
    return [
        "import matplotlib.pyplot as plt",
        "",
        f"table.plot.scatter(x={across.name!r}, y={up.name!r}, figsize=(9, 4.5))",
        f'plt.title("{up.name} against {across.name}")',
        "plt.tight_layout()",
        "plt.show()",
        f'print("The chart shows {up.name} against {across.name}. Their correlation is", end=" ")',
        f"print(round(table[{across.name!r}].corr(table[{up.name!r}]), 2))",
    ]


def _extreme(question: Question) -> list[str]:
    """The row with the latest or earliest date, or the largest or smallest number."""
    group = _grouped(question)
    if group is not None:
        fewest = ".sort_values()" if question.asks("fewest|least") else ".sort_values(ascending=False)"
        return [f"print(table.groupby({group}).size(){fewest}.head(5).to_string())"]
    low = question.asks("first|oldest|earliest|lowest|smallest|least|minimum|worst|slowest")
    in_time = question.asks("last|latest|newest|recent|first|oldest|earliest")
    kinds = ("date", "number") if in_time else ("number", "date")
    candidates = [column for kind in kinds for column in question.table.of_kind(kind)]
    named = question.table.named_in(question.text, kinds[0])
    if not candidates:
        return _rows(question)
    column = named or candidates[0]
    pick = "idxmin" if low else "idxmax"
    return [f"print(table.loc[table[{column.name!r}].{pick}()].to_string())"]


def _grouped(question: Question) -> str | None:
    """What the rows are counted by when asked "Which state had the most failures?"; None for other questions."""
    asked = re.search(
        r"\b(?:which|what) (\w+)s? (?:\w+ )?(?:the )?(?:most|fewest|least)\b", question.text, re.IGNORECASE
    )
    if asked is None or question.table.named_in(question.text, "number") is not None:
        return None
    return _key(question, asked[1])


def _key(question: Question, word: str) -> str | None:
    """What this word groups the rows by: the year, or a column."""
    dates, column = question.table.of_kind("date"), question.table.named_in(word, "text")
    if word.lower().startswith("year") and dates:
        return f"table[{dates[0].name!r}].dt.year"
    # A bank is no group of banks: the column is the whole of what is asked for.
    return f"table[{column.name!r}]" if column is not None and len(column.words) == 1 else None


def _statistics(question: Question) -> list[str]:
    """Average, sum and range of the numbers the question names, or of all."""
    column = question.table.named_in(question.text, "number")
    names = [each.name for each in ([column] if column is not None else question.table.of_kind("number"))]
    return [f'print(table[{names!r}].agg(["mean", "sum", "min", "max"]).round(2).to_string())']


def _count(question: Question) -> list[str]:
    by = re.search(r"\b(?:by|per|each|every) (\w+)", question.text, re.IGNORECASE)
    if by is not None and (group := _key(question, by[1])) is not None:
        return [f"print(table.groupby({group}).size().to_string())"]
    return ["print(len(table))"]


def _rows(question: Question) -> list[str]:
    """The rows that the filters left."""
    return ['print(len(table), "rows")', "print(table.head(50).to_string(index=False))"]


#: What the question asks for -> lines of the program. The first that fits is taken.
ACTIONS: list[tuple[str, Callable[[Question], list[str]]]] = [
    (r"outlier|anomal|abnormal|out of range|outside|maintenance|problem", _outliers),
    (r"chart|plot|graph|diagram|visuali[sz]|histogram|draw", _chart),
    (r"how many|number of|count|(?:by|per|each|every) year", _count),
    (
        r"last|latest|newest|most|first|oldest|earliest|highest|lowest|largest|smallest|maximum|minimum|best|worst|least|"
        r"fewest",
        _extreme,
    ),
    (r"average|mean|sum|total|statistic", _statistics),
    (r"", _rows),
]
