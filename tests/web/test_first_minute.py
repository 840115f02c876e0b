"""What a newcomer meets: who answers, what to ask, and an answer from the right file."""

from __future__ import annotations

import pytest

from shared.demo.offline.model import OfflineLlm
from shared.demo.samples.install import install, prompts
from tests.api.conftest import client  # noqa: F401  a fixture

HANDBOOK = "company_handbook"


@pytest.fixture
def model():
    return OfflineLlm(seconds_per_word=0)


def test_without_an_assistant_the_page_says_how_to_get_one(page):
    assert "make samples" in page[".greeting"].text
    page[".greeting button"].click()
    page.until(lambda: page["#assistant-dialog"].is_displayed())
    assert page["#offline-hint"].is_displayed()


def test_a_sample_says_what_it_is_for_and_answers_a_click_from_its_documents(page, client):  # noqa: F811
    install(client, HANDBOOK, "gpt-5.6-luna")
    page.driver.refresh()
    page.until(lambda: len(page.all(".starter")) == 3)
    assert page[".greeting h2"].text == "Company Handbook"
    assert "Answers questions from a company's handbook" in page[".greeting .description"].text
    assert [each.text for each in page.all(".starter")] == prompts(HANDBOOK)[:3]

    page.all(".starter")[1].click()
    page.until(lambda: page.all(".run"))
    run = page.run_is("completed")

    assert "140 euros a night" in run.text
    page.until(lambda: "travel.md" in run.find_element("css selector", ".sources").text)
    assert run.find_elements("css selector", ".citation")
    assert page[".message.user .body"].text == prompts(HANDBOOK)[1]


def test_the_model_is_called_offline_demo_wherever_it_is_named(page, client):  # noqa: F811
    client.beta.assistants.create(model="gpt-5.6-luna", name="Namer")
    page.driver.refresh()
    page.until(lambda: "Answers: offline demo" in page[".greeting"].text)
    page.say("Who are you?")
    assert "gpt-5.6-luna" not in page["#talk"].text
    assert "offline demo" in page[".run-status"].text


def test_another_assistant_brings_its_own_greeting(page, client):  # noqa: F811
    client.beta.assistants.create(model="m", name="First", metadata={"prompt_1": "One?"})
    client.beta.assistants.create(model="m", name="Second", description="It is <b>second</b>.")
    page.driver.refresh()
    page.until(lambda: "It is <b>second</b>." in page[".greeting"].text)
    assert page.all(".starter") == []
    page["#assistant"].send_keys("First")
    page.until(lambda: [each.text for each in page.all(".starter")] == ["One?"])
    assert "second" not in page[".greeting"].text


def test_a_file_for_both_tools_is_answered_from_the_right_one(page, tmp_path):
    page.create_assistant("Both", tools=("code_interpreter", "file_search"))
    policy, sales = tmp_path / "policy.md", tmp_path / "sales.csv"
    policy.write_text("# Refunds\n\nShoes can be returned for 60 days.\n")
    sales.write_text("state,amount\nOregon,5\nTexas,9\n")

    page.attach(sales)
    counted = page.say("What is the average amount in the file?")
    assert "Code interpreter" in counted.text

    page.attach(policy)
    found = page.say("For how long can shoes be returned, says the file?")
    assert "Shoes can be returned for 60 days." in found.text
    assert "File search" in found.text
    assert "Code interpreter" not in found.text
