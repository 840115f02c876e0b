"""What `azd up` deploys is checked here without Azure, without a Bicep compiler and without network."""

from __future__ import annotations

import pytest

from tests.infra.infra_rules import RULES
from tests.infra.infra_tree import Tree


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_wrong(tree: Tree, rule: str):
    assert list(RULES[rule](tree)) == []
