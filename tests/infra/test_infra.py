"""What `azd up` deploys is checked here without Azure, without a Bicep compiler and without network."""

from __future__ import annotations

import pytest

from tests.infra.infra_rules import RULES
from tests.infra.infra_tree import PROJECT, Tree
from tests.infra.rules_templates import ASKED


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_wrong(tree: Tree, rule: str):
    assert list(RULES[rule](tree)) == []


def test_the_page_says_how_to_answer_without_a_terminal(tree: Tree):
    page = (PROJECT / "docs/deploy.md").read_text()
    section = page.partition("## Without a terminal")[2].partition("\n## ")[0]
    asked = {tree.parameters[name]["value"].strip("${}") for name in ASKED}
    assert {
        variable for variable in asked | {"AZURE_SUBSCRIPTION_ID", "BOX_API_KEY"} if variable not in section
    } == set()
