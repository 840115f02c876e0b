"""What becomes of settings that somebody changed in the portal: the merge of app-settings.bicep, worked out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.bicep_evaluation import Evaluation
from tests.infra.infra_tree import MAIN, Tree

APP_SETTINGS = "infra/modules/app-settings.bicep"
Settings = dict[str, str]


class App:
    """A deployed app: its settings, as a deployment and as people change them."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.live: Settings = {}
        self.kept: list[str] = []
        self.overruled: list[str] = []

    def deploy(self, **wanted: str) -> Settings:
        work_out = Evaluation(
            self.tree.templates[APP_SETTINGS], {"live": self.live, "wanted": wanted, "siteName": "app"}
        )
        outputs = self.tree.of("output", APP_SETTINGS)
        self.kept, self.overruled = (work_out(outputs[name].value).split() for name in ("kept", "overruled"))
        settings = self.tree.of("resource", APP_SETTINGS)["appSettings"].body["properties"]
        self.live = work_out(settings)
        return {name: value for name, value in self.live.items() if name != "DEPLOYED_SETTINGS"}


@pytest.fixture
def app(tree: Tree) -> App:
    return App(tree)


def test_a_new_app_gets_what_is_wanted(app: App):
    assert app.deploy(A="1", B="") == {"A": "1", "B": ""}
    assert app.deploy(A="1", B="") == {"A": "1", "B": ""}
    assert app.kept == app.overruled == []


def test_what_was_added_or_changed_by_hand_stays_however_often(app: App):
    app.deploy(A="1", B="2")
    app.live |= {"A": "by hand", "MINE": "x"}
    for _ in range(3):
        assert app.deploy(A="1", B="2") == {"A": "by hand", "B": "2", "MINE": "x"}
        assert (app.kept, app.overruled) == (["A", "MINE"], [])


def test_what_the_deployment_changes_is_deployed(app: App):
    app.deploy(A="1", B="2")
    app.live |= {"B": "by hand"}
    assert app.deploy(A="3", B="2") == {"A": "3", "B": "by hand"}
    assert (app.kept, app.overruled) == (["B"], [])


def test_where_both_changed_the_deployment_wins_and_says_so(app: App):
    app.deploy(A="1")
    app.live |= {"A": "by hand"}
    assert app.deploy(A="3") == {"A": "3"}
    assert (app.kept, app.overruled) == ([], ["A"])


def test_both_may_want_the_same(app: App):
    app.deploy(A="1")
    app.live |= {"A": "3"}
    assert app.deploy(A="3") == {"A": "3"}
    assert app.kept == app.overruled == []


def test_a_setting_given_back_is_the_deployments_again(app: App):
    app.deploy(A="1")
    app.live |= {"A": "by hand"}
    app.deploy(A="1")
    del app.live["A"]
    assert app.deploy(A="1") == {"A": "1"}


def test_what_a_new_version_does_not_have_goes(app: App):
    app.deploy(A="1", OLD="2")
    assert app.deploy(A="1") == {"A": "1"}


def test_a_setting_that_becomes_an_option_is_told(app: App):
    app.deploy(A="1")
    app.live |= {"NEW": "by hand"}
    assert app.deploy(A="1", NEW="") == {"A": "1", "NEW": ""}
    assert app.overruled == ["NEW"]


def test_an_app_of_an_earlier_version_loses_nothing_of_its_own(app: App):
    app.live = {"A": "old", "B": "2", "MINE": "x"}
    assert app.deploy(A="1", B="2") == {"A": "1", "B": "2", "MINE": "x"}
    assert (app.kept, app.overruled) == (["MINE"], ["A"])


MODELS = [
    {"name": "gpt-5.6", "version": "1", "sku": "Standard", "capacity": 1, "aliases": ["gpt-4o", "gpt-4*"]},
    {"name": "gpt-5.6-mini", "version": "1", "sku": "Standard", "capacity": 1, "aliases": []},
]


@pytest.mark.parametrize(
    ("models", "aliases"),
    [
        ([], '{"*":"luna"}'),
        (
            MODELS,
            '{"*":"luna","gpt-4o":"gpt-5.6","gpt-4*":"gpt-5.6","gpt-5.6":"gpt-5.6","gpt-5.6-mini":"gpt-5.6-mini"}',
        ),
    ],
)
def test_each_further_model_answers_for_its_names(tree: Tree, models: list[dict[str, Any]], aliases: str):
    settings = tree.of("module")["functionApp"].body["params"]["settings"]
    work_out = Evaluation(tree.templates[MAIN], {"chatModels": models, "chatModelName": "luna"})
    assert work_out(settings["MODEL_ALIASES"]) == aliases
