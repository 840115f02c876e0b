"""The programs the demo model writes for the code interpreter run, and say what was asked."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.test_llm_offline import CODE, MAIL, PRICES, Talk

BANKS = """\
Bank Name,City,State,Total Assets,Closing Date
Silicon Valley Bank,Santa Clara,CA,209000,2023-03-10
First City Bank of Florida,Fort Walton Beach,FL,134.7,2020-10-16
Old Bank,Miami,FL,55,2009-01-09
Heartland Bank,Elkhart,KS,139,2023-07-28
MVB,Charleston,WV,90,2021-05-05
Tide Bank,Norfolk,VA,20,2010-02-02
"""
TURBINES = """\
turbine_id,wind_speed_mph,rpm,voltage_kv,last_maintenance
T1,12,20,34,2999-05-01
T2,30,27,34,2999-05-01
T3,12,20,36,2001-05-01
"""
PORTFOLIO = "Symbol,Average_Cost,Quantity\nMSFT,90,10\nAAPL,120,5\n"
BANK_RULES = "You answer questions about failed banks from the file failed_banks.csv."
FARM_RULES = "The file turbines.csv. Normal is 33-35 kV and 15 to 25 RPM. Turbines need maintenance every 12 months."


@pytest.fixture(autouse=True)
def data(tmp_path: Path) -> Path:
    (tmp_path / "failed_banks.csv").write_text(BANKS)
    (tmp_path / "turbines.csv").write_text(TURBINES)
    (tmp_path / "portfolio.csv").write_text(PORTFOLIO)
    return tmp_path


class Workbench:
    """Runs what the demo model writes, until it answers."""

    def __init__(self, data: Path):
        self.data = data
        self.programs: list[str] = []
        self.charts = 0

    async def work(self, talk: Talk, question: str) -> str:
        reply = await talk.ask(question)
        while not isinstance(reply, str):
            reply = await talk.give(*(self._carry_out(name, arguments) for name, arguments in reply))
        return reply

    def _carry_out(self, name: str, arguments: dict) -> str:
        if name == "get_stock_price":
            prices = {"MSFT": 100.0, "AAPL": 90.0}
            quotes = [{"symbol": s, "price": prices[s], "currency": "USD"} for s in arguments["symbols"]]
            return json.dumps({"quotes": quotes})
        if name == "send_email":
            self.mail = arguments
            return "sent"
        return self._run(arguments["code"])

    def _run(self, code: str) -> str:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        self.programs.append(code)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            exec(code.replace("/mnt/data", str(self.data)), {})
        self.charts += len(pyplot.get_fignums())
        pyplot.close("all")
        return printed.getvalue()


@pytest.fixture
def bench(data: Path) -> Workbench:
    return Workbench(data)


async def test_an_equation_is_solved(bench):
    assert "Solution:   x = 1" in await bench.work(Talk(CODE), "Solve 3x + 11 = 14")
    answer = await bench.work(Talk(CODE), "Solve x² − 5x + 6 = 0")
    assert "x = 2" in answer
    assert "x = 3" in answer


async def test_a_function_is_drawn(bench):
    await bench.work(Talk(CODE), "Please draw y = 2x + sin(x)")
    assert bench.charts == 1


async def test_a_derivative_is_taken(bench):
    assert "diff of x**3 + 2*x is 3*x**2 + 2" in await bench.work(Talk(CODE), "What is the derivative of x^3 + 2x?")


async def test_banks_are_charted_by_state(bench):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Create a bar chart of bank failures by state")
    assert bench.charts == 1
    assert "FL    2" in answer


async def test_banks_are_charted_by_year(bench):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Show a chart of failures by year since 2020")
    assert bench.charts == 1
    assert "2023    2" in answer
    assert "2009" not in answer


async def test_the_last_bank_is_the_latest(bench):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "What was the last bank to fail?")
    assert "Heartland Bank" in answer
    assert "Silicon" not in answer


async def test_the_largest_bank_has_most_assets(bench):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Which is the bank with the largest total assets?")
    assert "Silicon Valley Bank" in answer


async def test_states_and_years_are_filters(bench):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Which banks failed in Florida 2020-2023?")
    assert "1 rows" in answer
    assert "First City Bank of Florida" in answer
    assert "Old Bank" not in answer


async def test_counts_are_counted(bench):
    assert "3" in await bench.work(Talk(CODE, instructions=BANK_RULES), "How many banks failed after 2020?")
    virginia = await bench.work(Talk(CODE, instructions=BANK_RULES), "How many banks failed in West Virginia?")
    assert "\n1\n" in virginia


async def test_rows_can_be_downloaded(bench, data):
    talk = Talk(CODE, instructions=BANK_RULES)
    await bench.work(talk, "List the banks in Florida, and let me download them")
    assert (data / "result.csv").read_text().count("\n") == 3


async def test_outliers_are_listed_as_json(bench):
    answer = await bench.work(Talk(CODE, instructions=FARM_RULES), "Find the outliers and give them as JSON")
    found = json.loads(answer.partition("```json")[2].partition("```")[0])
    assert [(each["turbine_id"], len(each["problems"])) for each in found] == [("T2", 1), ("T3", 2)]


async def test_overdue_maintenance_is_told_apart(bench):
    answer = await bench.work(Talk(CODE, instructions=FARM_RULES), "Which turbines are overdue for maintenance?")
    assert "T3" in answer
    assert "T2" not in answer


async def test_two_numbers_are_drawn_against_each_other(bench):
    answer = await bench.work(Talk(CODE, instructions=FARM_RULES), "Plot wind speed against RPM")
    assert bench.charts == 1
    assert "rpm against wind_speed_mph" in answer


async def test_without_a_name_the_file_is_found(bench, data):
    (data / "failed_banks.csv").unlink()
    (data / "portfolio.csv").unlink()
    assert "3" in await bench.work(Talk(CODE), "How many rows has my table?")
    assert "glob" in bench.programs[0]


RICH = "Your user's holdings are in portfolio.csv."


async def test_investments_are_listed(bench):
    answer = await bench.work(Talk(CODE, PRICES, instructions=RICH), "What investments do I own?")
    assert "| MSFT | 10 | 90.00 | 900.00 |" in answer


async def test_investments_are_valued_and_compared(bench):
    question = "What is the value of my portfolio, and what did best and worst?"
    answer = await bench.work(Talk(CODE, PRICES, instructions=RICH), question)
    assert "Total value: 1,450.00 USD (gain -50.00 USD)." in answer
    assert "Best: MSFT (+11.1 %). Worst: AAPL (-25.0 %)." in answer


async def test_gains_are_charted(bench):
    await bench.work(Talk(CODE, PRICES, instructions=RICH), "Chart the gain or loss of my investments")
    assert bench.charts == 1
    assert '{"MSFT": 100.0, "AAPL": -150.0}' in bench.programs[-1]


async def test_a_report_has_a_date_and_is_mailed(bench):
    talk = Talk(CODE, PRICES, MAIL, instructions=RICH)
    answer = await bench.work(talk, "Send a report of my investments to me@contoso.com")
    assert bench.mail["to"] == "me@contoso.com"
    assert bench.mail["subject"] == "Your investments"
    assert f"on {datetime.now(UTC):%Y-%m-%d}" in bench.mail["body"]
    assert "Total value: 1,450.00 USD" in bench.mail["body"]
    assert "sent" in answer


async def test_the_state_with_most_rows_is_counted_not_the_latest_row(bench):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Which state had the most bank failures?")
    assert "FL    2" in answer
    assert "Heartland" not in answer
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Which year had the most failures?")
    assert "2023    2" in answer


async def test_a_chart_over_years_shows_those_in_which_nothing_happened(bench):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Chart the failures by year since 2020")
    assert "2020    1\n2021    1\n2022    0\n2023    2" in answer


async def test_a_name_is_known_in_a_long_list(bench, data):
    rows = [f"Aaa Bank {number},Miami,FL,1,2010-01-01" for number in range(200)]
    (data / "failed_banks.csv").write_text("\n".join([BANKS.strip(), *rows]))
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), "Where was Silicon Valley Bank?")
    assert "1 rows" in answer
    assert "Santa Clara" in answer


async def test_a_chart_says_that_it_shows_the_largest_only(bench, data):
    rows = [f"T{number},12,20,34,2999-05-01" for number in range(4, 44)]
    (data / "turbines.csv").write_text("\n".join([TURBINES.strip(), *rows]))
    answer = await bench.work(Talk(CODE, instructions=FARM_RULES), "Plot the voltage per turbine")
    assert "the 30 largest of 43" in answer


async def test_an_average_needs_no_question_mark(bench):
    assert "34.67" in await bench.work(Talk(CODE, instructions=FARM_RULES), "average voltage")


async def test_an_outlier_question_about_one_column_is_answered_for_that_column(bench):
    answer = await bench.work(Talk(CODE, instructions=FARM_RULES), "Show turbines with voltage out of range")
    assert "T3" in answer
    assert "voltage_kv outside 33-35 kV" in answer
    assert "T2" not in answer
    assert "months ago" not in answer


async def test_a_missing_table_is_told_in_a_sentence(bench, data):
    for file in data.iterdir():
        file.unlink()
    answer = await bench.work(Talk(CODE), "Show a chart of the file")
    assert answer.endswith("There is no CSV file here. Attach one to your message, or give one to the assistant.")


@pytest.mark.parametrize("question", ["plot sin(x)", "Draw the graph of x^2 - 4, please!"])
async def test_a_function_is_drawn_without_a_y(bench, question):
    assert "The chart shows y = " in await bench.work(Talk(CODE), question)
    assert bench.charts == 1


@pytest.mark.parametrize("question", ["How many banks failed each year?", "Show failures by year"])
async def test_rows_are_counted_by_year(bench, question):
    answer = await bench.work(Talk(CODE, instructions=BANK_RULES), question)
    assert "2020    1\n2021    1\n2023    2" in answer


async def test_rows_are_counted_by_a_column(bench):
    assert "FL    2" in await bench.work(Talk(CODE, instructions=BANK_RULES), "Count the banks by state")


async def test_a_maximum_is_found(bench):
    answer = await bench.work(Talk(CODE, instructions=FARM_RULES), "What is the maximum voltage?")
    assert "T3" in answer
    assert "rows" not in answer


async def test_an_equation_without_a_solution_is_told_in_words(bench):
    answer = await bench.work(Talk(CODE), "Solve 2x + 3 = 2x + 5")
    assert answer.endswith("There is no solution.")
