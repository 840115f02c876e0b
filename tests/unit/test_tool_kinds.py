"""The table of tools: each kind that an assistant can have has a line, and no other."""

from __future__ import annotations

from typing import get_args

import pytest

from shared.errors import InvalidRequest
from shared.objects.tools.tools import Tool
from shared.runs import kinds


def test_each_kind_of_tool_has_its_line():
    union, _ = get_args(Tool)
    tags = {get_args(each)[1].tag for each in get_args(union)}
    assert {f"(={kind})" for kind in kinds.KINDS} == tags


def test_definitions_from_elsewhere_are_looked_at_before_a_run_relies_on_them():
    kinds.check([{"type": "function"}, {"type": "bing_grounding", "bing_grounding": {"connections": []}}])
    with pytest.raises(InvalidRequest, match=r"Missing required parameter: 'tools\[1\].server_label'"):
        kinds.check([{"type": "function"}, {"type": "mcp", "server_url": "https://example.com"}])
