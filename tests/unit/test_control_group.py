"""Control groups around sessions. A folder stands in for the kernel's, which few test machines let anybody write to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shared.sandbox.base import MIB, Limits
from shared.sandbox.local.control_group import ControlGroups, find
from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.sandboxes import home_for_anybody, isolator

LIMITS = Limits(memory=400 * MIB, processes=32)


@pytest.fixture
def kernel(tmp_path) -> Path:
    """A machine with control groups of version 2, this process beside others in one of them."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    for folder in (tmp_path, tmp_path / "user", tmp_path / "user" / "shell"):
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.procs").write_text("1\n2\n")
        (folder / "cgroup.subtree_control").write_text("cpu memory pids\n")
    return tmp_path


def test_groups_are_made_below_the_own_one(kernel):
    found = find(kernel, "/user/shell")
    assert found == ControlGroups(kernel / "user" / "shell" / f"api-in-a-box-{os.getpid()}")
    assert (found.parent / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_a_group_with_nobody_else_in_it_is_emptied_to_hand_its_limits_down(kernel):
    own = kernel / "user" / "shell"
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    (own / "cgroup.subtree_control").write_text("\n")

    assert find(kernel, "/user/shell") is not None
    assert (own / "api-in-a-box" / "cgroup.procs").read_text() == str(os.getpid())
    assert (own / "cgroup.subtree_control").read_text() == "+memory +pids"


def test_a_machine_without_them_has_none(tmp_path, kernel):
    assert find(tmp_path / "nothing", "/") is None
    (kernel / "cgroup.controllers").unlink()
    assert find(kernel, "/user/shell") is None


@pytest.mark.parametrize("tier", ["bwrap", "landlock"])
async def test_a_session_starts_inside_its_group_and_a_full_one_is_told_as_memory(tmp_path, tier):
    with home_for_anybody() as home:
        sandbox = LocalSandbox(home / "sandbox", isolator(tier), LIMITS, groups=lambda: ControlGroups(tmp_path))
        assert sandbox.info.memory_held_by == "a control group"
        async with sandbox.session("held") as session:
            assert (await session.run("6 * 7")).result == "42"
            written = {path.name: path.read_text().strip() for path in (tmp_path / "held").iterdir()}
            (tmp_path / "held" / "memory.events").write_text("oom 1\noom_kill 1\n")
            result = await session.run("__import__('os')._exit(1)")
        await sandbox.close()
    assert written == {
        "cgroup.procs": "0",  # the process that writes it
        "memory.max": str(528 * MIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "35",
    }
    assert (result.status, result.reason) == ("killed", "memory")
