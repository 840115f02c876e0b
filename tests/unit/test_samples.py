"""The data of the sample assistants is what their instructions say it is."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest

from shared.demo.offline.places import STATES

SAMPLES = Path(__file__).parents[2] / "shared" / "demo" / "samples"
NAMES = ["failed_banks", "math_tutor", "wind_farm"]
#: Days on which the FDIC closed a bank that were no Fridays.
NOT_ON_FRIDAY = {
    "BankUnited, FSB",
    "Washington Mutual Bank",
    "Central Arizona Bank",
    "1st Commerce Bank",
    "Bank of Jackson County",
    "Signature Bank",
    "First Republic Bank",
}


def rows(path: str) -> list[dict[str, str]]:
    with (SAMPLES / path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def banks() -> list[dict[str, str]]:
    return rows("failed_banks/failed_banks.csv")


@pytest.fixture
def turbines() -> list[dict[str, str]]:
    return rows("wind_farm/turbines.csv")


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_instructions_files_and_four_prompts(name):
    sample = json.loads((SAMPLES / name / "assistant.json").read_text())
    assert {"name", "description", "instructions", "tools"} <= set(sample)
    assert {"type": "code_interpreter"} in sample["tools"]
    for file in sample.get("files", []):
        assert (SAMPLES / name / file).stat().st_size > 0
        assert file in sample["instructions"]
    prompts = json.loads((SAMPLES / name / "prompts.json").read_text())
    assert len(prompts) == len(set(prompts)) == 4


def test_the_documents_of_a_sample_are_there_and_named_in_its_instructions():
    sample = json.loads((SAMPLES / "company_handbook" / "assistant.json").read_text())
    assert {"type": "file_search"} in sample["tools"]
    assert sample["documents"] == sorted(path.name for path in (SAMPLES / "company_handbook").glob("*.md"))
    assert all(name in sample["instructions"] for name in sample["documents"])


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/prompts.json")), ids=lambda path: path.parent.name)
def test_a_prompt_fits_into_metadata(path):
    assert all(0 < len(prompt) <= 512 for prompt in json.loads(path.read_text()))


def test_every_bank_is_complete_and_named_once(banks):
    assert len(banks) >= 60
    assert all(all(value.strip() == value != "" for value in bank.values()) for bank in banks)
    assert {bank["State"] for bank in banks} <= set(STATES)
    assert len({(bank["Bank Name"], bank["City"]) for bank in banks}) == len(banks)


def test_banks_were_closed_on_fridays_but_for_the_famous_exceptions(banks):
    closed = [(bank["Bank Name"], date.fromisoformat(bank["Closing Date"])) for bank in banks]
    assert {name for name, day in closed if day.isoweekday() != 5} == NOT_ON_FRIDAY
    assert all(2008 <= day.year <= 2023 for _, day in closed)
    assert [day for _, day in closed] == sorted((day for _, day in closed), reverse=True)


def test_the_years_said_to_be_complete_have_as_many_failures_as_the_fdic_counts(banks):
    by_year = {year: sum(bank["Closing Date"].startswith(str(year)) for bank in banks) for year in range(2008, 2024)}
    assert by_year[2008] == 25
    assert [by_year[year] for year in range(2014, 2024)] == [18, 8, 5, 8, 0, 4, 4, 0, 0, 5]


def test_the_answers_to_the_prompts_about_banks(banks):
    assert (banks[0]["Bank Name"], banks[0]["Closing Date"]) == ("Citizens Bank", "2023-11-03")
    florida = [bank for bank in banks if bank["State"] == "FL" and bank["Closing Date"] >= "2020"]
    assert [(bank["Bank Name"], bank["Closing Date"]) for bank in florida] == [
        ("First City Bank of Florida", "2020-10-16")
    ]


def test_the_wind_farm_has_the_outliers_it_should_have(turbines):
    assert len({turbine["turbine_id"] for turbine in turbines}) == len(turbines) == 40
    voltage = {t["turbine_id"] for t in turbines if not 33 <= float(t["voltage_kv"]) <= 35}
    speed = {t["turbine_id"] for t in turbines if not 15 <= float(t["rpm"]) <= 25}
    dates = {t["turbine_id"]: date.fromisoformat(t["last_maintenance"]) for t in turbines}
    assert voltage == {"T07", "T19"}
    assert speed == {"T12", "T28"}
    assert {name for name, day in dates.items() if day < date(2025, 11, 1)} == {"T03", "T28", "T33"}
    assert max(dates.values()) < date(2026, 11, 1)


def test_a_turbine_on_the_limits_is_no_outlier(turbines):
    [edge] = [turbine for turbine in turbines if turbine["turbine_id"] == "T15"]
    assert (float(edge["voltage_kv"]), float(edge["rpm"])) == (33.0, 25.0)


def test_the_wind_blows_as_it_does(turbines):
    assert all(0 < float(turbine["wind_speed_mph"]) < 60 for turbine in turbines)
