"""The deployment as it is, for every check."""

from __future__ import annotations

import pytest

from tests.infra.infra_tree import PROJECT, Tree


@pytest.fixture(scope="session")
def tree() -> Tree:
    return Tree.load(PROJECT)
