"""Which sandbox a machine gets, and what it says when it gets none."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.sandbox.base import SandboxBusy, SandboxUnavailable
from shared.sandbox.fallback import FirstSandbox
from shared.sandbox.file_names import cleaned, is_allowed
from shared.sandbox.interpreter import Interpreter, this_interpreter
from shared.sandbox.local.isolation import capabilities, landlock
from shared.sandbox.local.isolation.base import Isolator, Plan
from shared.sandbox.local.isolation.bwrap import Bubblewrap
from shared.sandbox.local.isolation.landlock import Landlock
from shared.sandbox.local.isolation.none import Bare
from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.sandboxes import home_for_anybody, interpreter_for_tests, isolator, with_this_python


@pytest.fixture
def home() -> Iterator[Path]:
    with home_for_anybody() as path:
        yield path


only_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root becomes somebody else")


@pytest.fixture
def no_bubblewrap(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)


def best(home: Path, *isolators: Isolator) -> FirstSandbox:
    return FirstSandbox([LocalSandbox(home / isolator.name, isolator) for isolator in isolators])


async def test_bubblewrap_is_preferred(home):
    sandbox = best(home, isolator("bwrap"), isolator("landlock"))
    await sandbox.self_test()
    assert (sandbox.info.name, sandbox.info.isolation) == ("bwrap", "namespaces")
    await sandbox.close()


async def test_landlock_is_used_without_bubblewrap_and_the_reason_is_told(home, no_bubblewrap, caplog):
    sandbox = best(home, Bubblewrap(interpreter_for_tests()), isolator("landlock"))
    await sandbox.self_test()
    assert (sandbox.info.name, sandbox.info.isolation) == ("landlock", "landlock")
    assert "apt-get install bubblewrap" in caplog.text
    await sandbox.close()


async def test_a_machine_that_cannot_isolate_refuses_code_and_says_what_is_missing(home, no_bubblewrap, monkeypatch):
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    python = interpreter_for_tests()
    sandbox = best(home, Bubblewrap(python), Landlock(python))
    with pytest.raises(SandboxUnavailable, match=r"apt-get install bubblewrap.*no Landlock"):
        async with sandbox.session("key"):
            raise AssertionError("a session was given")
    await sandbox.evict("key")
    await sandbox.close()


class Leaky(Bubblewrap):
    """Bubblewrap on the host's network."""

    def plan(self, *arguments) -> Plan:
        plan = super().plan(*arguments)
        plan.command.remove("--unshare-net")
        return plan


async def test_a_sandbox_that_leaks_is_not_used(home):
    """The self-test does not believe in names."""
    isolator("bwrap")
    sandbox = best(home, Leaky(interpreter_for_tests()))
    with pytest.raises(SandboxUnavailable, match="not contained: code reaches a socket of the host"):
        await sandbox.self_test()
    await sandbox.close()


@with_this_python
async def test_running_without_isolation_warns_at_every_start(home, caplog):
    sandbox = best(home, Bare(this_interpreter()))
    await sandbox.self_test()
    assert sandbox.info.isolation == "none"
    assert [record.levelno for record in caplog.records if "every right" in record.message] == [logging.WARNING]
    async with sandbox.session("key") as session:
        await session.run("open('/mnt/data/a.txt', 'w').write('a')")
        assert (await session.run("import os\nos.listdir('/mnt/data')")).result == "['a.txt']"
    await sandbox.close()


@with_this_python
async def test_a_virtual_environment_may_be_in_tmp(home):
    isolator("bwrap")
    venv.create(home / "venv", symlinks=True)
    python = Interpreter.of(str(home / "venv" / "bin" / "python"), (str(home / "venv"), sys.base_prefix))
    sandbox = LocalSandbox(home / "sandbox", Bubblewrap(python))
    async with sandbox.session("key") as session:
        assert (await session.run("import sys\nsys.prefix")).result == repr(str(home / "venv"))
    await sandbox.close()


@with_this_python
@pytest.mark.parametrize("kind", [Bubblewrap, Landlock])
async def test_what_lies_beside_a_virtual_environment_is_out_of_reach(home, kind):
    """As after `python -m venv .` in a project's own folder, with the box's home in it, too."""
    isolator("bwrap" if kind is Bubblewrap else "landlock")
    venv.create(home, symlinks=True)
    for name in (".env", "pip.conf"):
        (home / name).write_text("private")
        (home / name).chmod(0o644)
    python = Interpreter.of(str(home / "bin" / "python"), (str(home), sys.base_prefix))
    sandbox = LocalSandbox(home / ".box", kind(python))
    await sandbox.self_test()
    async with sandbox.session("key") as session:
        assert (await session.run("import sys\nsys.prefix")).result == repr(str(home))
        for name in (".env", "pip.conf"):
            result = await session.run(f"open({str(home / name)!r}).read()")
            assert result.status == "error"
            assert "private" not in repr(result)
    await sandbox.close()


@with_this_python
async def test_an_interpreter_may_be_named_by_a_path_that_goes_up_and_down(home, monkeypatch):
    """As after `cd docs && ../.venv/bin/python -m shared run`."""
    isolator("bwrap")
    folder, name = os.path.split(sys.executable)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "executable", f"../{os.path.basename(folder)}/{name}")
    python = this_interpreter()
    assert python.executable == os.path.join(folder, name)
    sandbox = LocalSandbox(home / "sandbox", Bubblewrap(python))
    async with sandbox.session("key") as session:
        assert (await session.run("import sys\nsys.prefix")).result == repr(sys.prefix)
    await sandbox.close()


@only_root
@pytest.mark.parametrize("links", [True, False], ids=["linked", "copied"])
async def test_a_root_whose_python_and_home_are_closed_to_others_can_run_code(home, links):
    """As in a container without user namespaces, with the interpreter below /root."""
    isolator("landlock")
    (home / "closed").mkdir(mode=0o700)
    venv.create(home / "closed" / "venv", symlinks=links)
    prefixes = (str(home / "closed" / "venv"), sys.base_prefix)
    python = Interpreter.of(str(home / "closed" / "venv" / "bin" / "python"), prefixes)
    sandbox = LocalSandbox(home / "closed" / "sandbox", Landlock(python))
    await sandbox.self_test()
    async with sandbox.session("key") as session:
        code = "import os, subprocess, sys\nsubprocess.check_output([sys.executable, '-c', 'import json; print(json)'])"
        assert "json" in ((await session.run(code)).result or "")
        assert (await session.run("os.getuid() != 0")).result == "True"
    await sandbox.close()


@only_root
@pytest.mark.parametrize(
    ("held", "kept"), [("000001ffffffffff", 2), ("00000000a80425fb", 1), ("0000000000000000", None)]
)
def test_the_smallest_capability_is_kept_that_reads_what_is_closed(tmp_path, held, kept):
    (tmp_path / "status").write_text(f"Name:\tpython\nCapInh:\t{'0' * 16}\nCapPrm:\t{held}\nCapEff:\t{held}\n")
    assert capabilities.for_reading(tmp_path / "status") == kept


@only_root
async def test_a_root_that_cannot_open_its_python_to_a_session_says_so(home, no_bubblewrap, monkeypatch):
    isolator("landlock")
    (home / "closed").mkdir(mode=0o700)
    venv.create(home / "closed" / "venv", symlinks=True)
    python = Interpreter.of(str(home / "closed" / "venv" / "bin" / "python"), (str(home / "closed" / "venv"),))
    monkeypatch.setattr(capabilities, "for_reading", lambda: None)
    sandbox = best(home / "sandbox", Bubblewrap(python), Landlock(python))
    with pytest.raises(SandboxUnavailable, match=rf"{home}/closed is closed .* CAP_DAC_READ_SEARCH"):
        await sandbox.self_test()
    await sandbox.close()


@only_root
async def test_a_root_without_a_place_for_its_locks_refuses_code(home):
    """As in a container whose file system is read-only."""
    (home / "run").touch()
    sandbox = FirstSandbox([LocalSandbox(home, isolator("bwrap"), locks=home / "run" / "locks")])
    with pytest.raises(SandboxUnavailable, match="run/locks: Not a directory"):
        await sandbox.self_test()
    await sandbox.close()


async def test_a_thread_that_is_deleted_after_a_restart_leaves_nothing_behind(home):
    before, after = (best(home, isolator("bwrap")) for _ in range(2))
    async with before.session("key") as session:
        await session.run("open('/mnt/data/private.txt', 'w').write('private')")
    await before.close()
    assert [*home.rglob("private.txt")]
    await after.evict("key")
    assert not [*home.rglob("private.txt")]
    await after.close()


@pytest.mark.parametrize("kind", [Bubblewrap, Landlock])
async def test_a_home_that_the_code_would_see_is_no_home(home, kind):
    """As in a folder that the interpreter needs."""
    python = isolator("bwrap" if kind is Bubblewrap else "landlock").interpreter  # type: ignore[attr-defined]
    sandbox = LocalSandbox(home / ".box", kind(Interpreter(python.executable, (*python.folders, str(home)))))
    with pytest.raises(SandboxUnavailable, match="BOX_HOME"):
        await sandbox.self_test()
    await sandbox.close()


async def test_the_longest_idle_session_makes_room(home):
    sandbox = LocalSandbox(home, isolator("bwrap"), sessions=2, wait=20)
    for key in ("one", "two", "three"):
        async with sandbox.session(key) as session:
            await session.run(f"x = {key!r}")
    async with sandbox.session("three") as session:
        assert (await session.run("x")).result == "'three'"
    async with sandbox.session("two") as session:
        assert (await session.run("x")).result == "'two'"
    async with sandbox.session("one") as session:
        assert (await session.run("x")).fresh
    await sandbox.close()


async def test_an_idle_session_is_ended_and_its_files_stay(home, caplog):
    caplog.set_level(logging.INFO)
    sandbox = LocalSandbox(home, isolator("bwrap"), idle=0.1)
    async with sandbox.session("key") as session:
        await session.run("x = 1\nopen('/mnt/data/a.txt', 'w').write('a')")
    deadline = time.monotonic() + 20
    while "idling" not in caplog.text and time.monotonic() < deadline:
        async with sandbox.session("other"):
            pass
        await asyncio.sleep(0.05)
    async with sandbox.session("key") as session:
        result = await session.run("open('/mnt/data/a.txt').read()")
        assert (result.result, result.fresh) == ("'a'", True)
    await sandbox.close()


async def test_a_caller_that_asks_for_a_second_session_of_its_thread_is_told_not_kept_waiting(home):
    sandbox = LocalSandbox(home, isolator("bwrap"), wait=0.1)
    async with sandbox.session("key"):
        with pytest.raises(SandboxBusy, match="this thread's session"):
            async with sandbox.session("key"):
                raise AssertionError("the session was given twice")
    await sandbox.close()


async def test_files_of_sessions_unused_for_a_week_are_deleted(home):
    folder = home / "sandbox"
    sandbox = LocalSandbox(folder, isolator("bwrap"), tidy=0)
    for _ in "at the start", "and later":
        for name, age in (("old", 8), ("new", 6)):
            (folder / name / "data").mkdir(parents=True, exist_ok=True)
            os.utime(folder / name, (time.time() - age * 86400,) * 2)
        await sandbox.self_test()
        assert [path.name for path in folder.iterdir()] == ["new"]
    await sandbox.close()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("sales.csv", "sales.csv"),
        ("données 2024.xlsx", "données 2024.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ann\\book.xlsx", "book.xlsx"),
        ("a\nb<c>.txt", "a_b_c_.txt"),
        (".env", "env"),
        ("...", "file"),
        ("", "file"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
        ("é" * 150 + ".csv", "é" * 98 + ".csv"),
        ("\udcff.csv", "?.csv".replace("?", "_")),
    ],
)
def test_names_are_cleaned(given, wanted):
    assert cleaned(given) == wanted
    assert is_allowed(cleaned(given))


async def test_variables_older_than_those_of_another_process_are_not_found(home):
    """The thread's runs were driven here, there, and here again: the first interpreter knows nothing of the second."""
    here, there = (LocalSandbox(home / ".box", isolator("bwrap")) for _ in range(2))
    try:
        for sandbox, code in ((here, "x = 1"), (there, "x = 2"), (here, "'x' in globals()"), (here, "2")):
            async with sandbox.session("thread-1") as session:
                result = await session.run(code)
            if code == "'x' in globals()":
                assert (result.result, result.fresh) == ("False", True)
        assert not result.fresh, "nobody else came meanwhile"
        await there.evict("thread-1")
        async with here.session("thread-1") as session:
            assert (await session.run("'x' in globals()")).result == "False", "its thread was deleted in between"
    finally:
        await here.close()
        await there.close()
