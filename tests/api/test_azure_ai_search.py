"""Indexes of Azure AI Search: one story against its wire, and what goes wrong."""

from __future__ import annotations

import json
import time

import pytest

from shared.llm.scripted import call, text
from tests.fakes.search_service import KEY, search_service

CONNECTION = "/subscriptions/s/resourceGroups/g/providers/p/connections/handbook"


@pytest.fixture
def service():
    with search_service() as service:
        yield service


@pytest.fixture
def settings(service):
    refused = {"url": service.url, "headers": {"api-key": "old"}}
    return {"connections": {"handbook": {"url": service.url, "headers": {"api-key": KEY}}, "refused": refused}}


@pytest.fixture
def run(http):
    """Run an assistant with an index to its end; the run, and its calls."""

    def run(**index):
        named = {"index_connection_id": CONNECTION, "index_name": "rules"} | index
        resources = {"azure_ai_search": {"indexes": [named]}}
        body = {"model": "gpt-x", "tools": [{"type": "azure_ai_search"}], "tool_resources": resources}
        made = http.post("assistants", json=body)
        assert made.status_code == 200, made.text
        thread = {"messages": [{"role": "user", "content": "How many days?"}]}
        run = http.post("threads/runs", json={"assistant_id": made.json()["id"], "thread": thread}).json()
        path = f"threads/{run['thread_id']}/runs/{run['id']}"
        while run["status"] in ("queued", "in_progress"):
            time.sleep(0.01)
            run = http.get(path).json()
        steps = http.get(f"{path}/steps?order=asc").json()["data"]
        return run, [each for step in steps for each in step["step_details"].get("tool_calls", [])]

    return run


def test_the_model_searches_an_index_with_the_operators_key(run, llm, service, caplog):
    llm.script([call("azure_ai_search", query="holiday")], [text("Thirty.")])

    ended, [made] = run(top_k=3, filter="title eq 'Holidays'")

    assert ended["status"] == "completed"
    assert service.bodies == [{"top": 3, "filter": "title eq 'Holidays'", "search": "holiday"}]
    assert made["type"] == "azure_ai_search"
    assert made["azure_ai_search"]["input"] == "holiday"
    marker, found = made["azure_ai_search"]["output"].split("\n")
    assert marker == "【1:100000†Holidays】"
    assert json.loads(found) == service.documents[0], "without score and vector"
    assert KEY not in json.dumps([ended, made]) + caplog.text


def test_answers_cite_documents_by_their_addresses(run, llm, http, service):
    said = text("Thirty 【1:10", "0000†Holidays】", ".")
    llm.script([call("azure_ai_search", query="holiday travel")], [said], [said])

    ended, [made] = run()

    output = made["azure_ai_search"]["output"].split("\n\n")
    assert [each.startswith("【") for each in output] == [True, False], "what has no address cannot be cited"
    path = f"threads/{ended['thread_id']}"
    said = http.get(f"{path}/messages").json()["data"][0]["content"][0]["text"]
    [citation] = said["annotations"]
    assert citation == {
        "type": "url_citation",
        "text": "【1:100000†Holidays】",
        "start_index": 7,
        "end_index": 26,
        "url_citation": {"url": "https://x.example/1", "title": "Holidays"},
    }
    assert said["value"][7:26] == citation["text"]
    body = {"assistant_id": ended["assistant_id"], "stream": True}
    streamed = http.post(f"{path}/runs", json=body).text
    assert '"url_citation":{"url":"https://x.example/1","title":"Holidays"}' in streamed


def test_a_streamed_query_is_heard_while_it_is_written(run, llm, http):
    llm.script([text("Hello.")], [call("azure_ai_search", query="holi" + "day" * 30)], [text("Thirty.")])
    assistant_id = run()[0]["assistant_id"]
    events = http.post("threads/runs", json={"assistant_id": assistant_id, "stream": True}).text.split("\n\n")
    deltas = [json.loads(each.partition("data: ")[2]) for each in events if "run.step.delta\n" in each]
    calls = [each["delta"]["step_details"]["tool_calls"][0]["azure_ai_search"] for each in deltas]
    assert "".join(each["input"] for each in calls) == "holi" + "day" * 30


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("semantic", {"search": "holiday", "queryType": "semantic", "semanticConfiguration": "by-meaning"}),
        ("vector", {"vectorQueries": [{"kind": "text", "text": "holiday", "fields": "vector", "k": 5}]}),
        (
            "vector_semantic_hybrid",
            {
                "search": "holiday",
                "queryType": "semantic",
                "semanticConfiguration": "by-meaning",
                "vectorQueries": [{"kind": "text", "text": "holiday", "fields": "vector", "k": 5}],
            },
        ),
    ],
)
def test_kinds_of_search_take_what_they_need_from_the_index(run, llm, service, kind, asked):
    llm.script([call("azure_ai_search", query="holiday")], [text("Thirty.")])

    _, [made] = run(query_type=kind)

    assert service.bodies == [{"top": 5} | asked]
    assert "Thirty days" in made["azure_ai_search"]["output"]


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"index_connection_id": "unknown"}, "no connection 'unknown' (CONNECTIONS)"),
        ({"index_connection_id": "refused"}, "HTTP 403"),
        ({"index_name": "it's"}, "HTTP 404: The index"),
        ({"filter": "))"}, "HTTP 400: Invalid expression"),
        ({"query_type": "psychic"}, "no query type 'psychic'"),
        ({"index_connection_id": None, "index_asset_id": "rules/versions/1"}, "an asset of a Foundry project"),
    ],
)
def test_what_goes_wrong_is_told_to_the_model(run, llm, index, words):
    llm.script([call("azure_ai_search", query="holiday")], [text("Oh.")])

    ended, [made] = run(**index)

    assert ended["status"] == "completed"
    assert made["azure_ai_search"]["output"].startswith("Error: ")
    assert words in made["azure_ai_search"]["output"]


def test_much_is_cut_and_nothing_is_told(run, llm, service):
    service.documents = [{"id": str(number), "content": "holiday " * 3000} for number in range(9)]
    llm.script([call("azure_ai_search", query="holiday"), call("azure_ai_search", query="zebra")], [text("Oh.")])

    _, [much, nothing] = run(top_k=9)

    assert len(much["azure_ai_search"]["output"]) < 51_000
    assert much["azure_ai_search"]["output"].endswith("(7 more documents left out)")
    assert nothing["azure_ai_search"]["output"] == "(nothing found)"


def test_the_operator_may_be_asked_or_say_no(run, llm, box):
    llm.script([call("azure_ai_search", query="holiday")], [text("Nothing.")])
    box.settings.server_tools_allowed.update({"*": ["*", "azure_ai_search:ask"]})
    asked, _ = run()
    [wanted] = asked["required_action"]["submit_tool_approval"]["tool_calls"]
    assert wanted["azure_ai_search"] == {"input": "holiday"}

    box.settings.server_tools_allowed.update({"*": ["*", "azure_ai_search:deny"]})
    run()
    assert llm.requests[-1].tools == []


@pytest.mark.parametrize(
    ("size", "packs", "told"),
    [(6_000_000, False, "it is larger than 4 MB"), (1, True, "it is compressed, though that was not asked for")],
)
def test_why_an_answer_was_not_taken_is_told_to_the_model(run, llm, service, size, packs, told):
    service.documents, service.packs = [{"id": "1", "content": "holiday " + "x" * size}], packs
    llm.script([call("azure_ai_search", query="holiday")], [text("Oh.")])

    ended, [made] = run()

    assert ended["status"] == "completed"
    assert made["azure_ai_search"]["output"] == f"Error: the search service's answer was not taken: {told}"


def test_a_busy_service_is_asked_again(run, llm, service):
    service.refusals = [503]
    llm.script([call("azure_ai_search", query="holiday")], [text("Thirty.")])

    _, [made] = run()

    assert "Thirty days" in made["azure_ai_search"]["output"]


@pytest.mark.parametrize("answer", [{}, {"message": "Sign in first."}, {"value": None}])
def test_what_is_no_answer_of_a_search_is_not_taken_for_nothing_found(run, llm, service, answer):
    service.proxy = answer
    llm.script([call("azure_ai_search", query="holiday")], [text("Oh.")])

    _, [made] = run()

    told = "the search service's answer is not the one of a search service"
    assert made["azure_ai_search"]["output"] == f"Error: {told}"


@pytest.mark.parametrize(
    "definition", [{"fields": ["id"]}, {"fields": [{"dimensions": 3}]}, {"fields": [], "semantic": "by-meaning"}]
)
def test_an_index_whose_definition_cannot_be_read_is_told_of(run, llm, service, definition):
    service.definition = definition
    llm.script([call("azure_ai_search", query="holiday")], [text("Oh.")])

    ended, [made] = run(query_type="vector" if definition["fields"] else "semantic")

    assert ended["status"] == "completed"
    assert made["azure_ai_search"]["output"] == "Error: the index's definition cannot be read"
