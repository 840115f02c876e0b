"""What the programs of clients need of the machine."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def shared_folder(tmp_path_factory):
    """A folder that all test workers of a run know."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
