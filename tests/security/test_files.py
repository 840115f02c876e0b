"""Model-written code cannot read, change or plant files outside /mnt/data."""

from __future__ import annotations

import os

import pytest

from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.sandboxes import isolator
from tests.security.conftest import LIMITS, PRELUDE, exception

HIDDEN = {"FileNotFoundError", "PermissionError", "NotADirectoryError"}
READ_ONLY = {"FileNotFoundError", "PermissionError", "OSError"}


@pytest.mark.parametrize(
    "path",
    [
        "SECRET",
        "'/mnt/data/../..' + SECRET",
        "'/etc/passwd'",
        "'/etc/shadow'",
        "'/etc/hosts'",
        "'/root/.bashrc'",
        "'/proc/self/environ'",
        "'/proc/self/maps'",
        "f'/proc/{HOST}/environ'",
        "f'/proc/{HOST}/root' + SECRET",
        "'/proc/1/environ'",
        "'/proc/version'",
        "'/sys/kernel/notes'",
        "'/dev/mem'",
        "'/run/utmp'",
        "'/var/log/dpkg.log'",
    ],
)
async def test_host_files_cannot_be_read(run, path):
    assert exception(await run(f"print(open({path}, 'rb').read(100))")) in HIDDEN


@pytest.mark.parametrize(
    "action",
    [
        "open(SECRET, 'w').write('mine')",
        "open(FOLDER + '/planted', 'w').write('mine')",
        "os.truncate(SECRET, 0)",
        "os.unlink(SECRET)",
        "os.rename(SECRET, SECRET + '.old')",
        "os.mkdir(FOLDER + '/planted')",
        "os.symlink('/etc/passwd', FOLDER + '/planted')",
        "os.link(SECRET, '/mnt/data/secret')",
        "os.mkdir('/planted')",
        "open('/usr/lib/planted.py', 'w').write('mine')",
        "open(sys.executable, 'ab').write(b'mine')",
        "open(os.__file__, 'a').write('mine')",
        "open(sys.path[-1] + '/kernel.py', 'a').write('mine')",
        "os.mknod('/mnt/data/disk', 0o60666, os.makedev(254, 0))",
        "os.setxattr(SECRET, 'user.mine', b'1')",
    ],
)
async def test_host_files_cannot_be_changed(run, action):
    assert exception(await run(action)) in READ_ONLY


@pytest.mark.parametrize("action", ["os.chmod(SECRET, 0)", "os.utime(SECRET, (0, 0))"])
async def test_modes_and_times_of_host_files_cannot_be_changed(run, action, tier):
    result = await run(action)  # Landlock does not mediate these, so there they only pretend to work
    assert result.status == ("error" if tier == "bwrap" else "ok")


async def test_no_listing_of_the_host(run, tier):
    result = await run("print(os.listdir('/'))\nprint(os.listdir(FOLDER))")
    assert exception(result) in HIDDEN
    if tier == "bwrap":
        assert not {"home", "var", "srv", "proc", "sys", "run", "boot"} & set(result.logs.replace("'", " ").split())


async def test_a_link_to_a_host_file_leads_nowhere_from_inside(run):
    assert exception(await run("os.symlink(SECRET, '/mnt/data/l')\nprint(open('/mnt/data/l').read())")) in HIDDEN


@pytest.mark.parametrize("name", ["chroot", "pivot_root", "mount"])
async def test_the_file_system_cannot_be_rearranged(run, name, syscalls):
    assert exception(await run(f"call({syscalls[name]}, b'/mnt/data', b'/mnt/data', 0, 4096, 0)")) == "OSError"


async def test_a_handle_does_not_open_what_a_path_cannot(run, syscalls):
    assert exception(
        await run(f"call({syscalls['open_by_handle_at']}, -100, ctypes.create_string_buffer(200), 0)")
    ) in {
        "OSError",
        "PermissionError",
    }


async def test_a_set_user_id_bit_does_not_stick(run, host, tier):
    result = await run("open('/mnt/data/tool', 'w').write('#!/bin/sh')\nos.chmod('/mnt/data/tool', 0o6755)")
    assert result.status == ("error" if tier == "bwrap" else "ok")
    assert (host.home / "sandbox" / "attacker" / "data" / "tool").stat().st_mode & 0o6000 == 0


@pytest.mark.parametrize("mode", ["0o4755", "0o2755"])
async def test_a_file_is_not_made_with_a_set_id_bit(run, host, mode):
    assert exception(await run(f"os.open('/mnt/data/tool', os.O_CREAT | os.O_WRONLY, {mode})")) == "PermissionError"
    assert not (host.home / "sandbox" / "attacker" / "data" / "tool").exists()


async def test_no_set_user_id_program_helps(run):
    result = await run("print(subprocess.run(['su', '-c', 'id'], capture_output=True, input=b'', text=True).stdout)")
    assert "uid=0" not in result.logs + (result.error or "")


async def test_a_thread_cannot_reach_another_threads_files(sandbox, host):
    async with sandbox.session("victim") as session:
        await session.run("open('/mnt/data/private.txt', 'w').write('private')")
    path = host.home / "sandbox" / "victim" / "data"
    async with sandbox.session("attacker") as session:
        for target in (path, path / "private.txt", "/mnt/data/../../victim/data"):
            result = await session.run(
                f"import os\np = {str(target)!r}\nprint(os.listdir(p) if os.path.isdir(p) else open(p).read())"
            )
            assert exception(result) in HIDDEN
            assert "private" not in result.logs


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no capability to keep")
@pytest.mark.parametrize(
    "action",
    [
        "print(open(SECRET).read())",
        "os.listdir(FOLDER)",
        "open(SECRET, 'a').write('mine')",
        "open(FOLDER + '/planted', 'w')",
        "os.link(SECRET, '/mnt/data/secret')",
        "os.rename(SECRET, '/mnt/data/secret')",
        "os.setuid(0)",
        "os.kill(VICTIM, 0)",
    ],
)
async def test_a_session_that_may_pass_closed_folders_reads_nothing_else_in_them(host, tier, action):
    """As where Python lies below /root: with Landlock, the code then has a capability, which opens nothing else."""
    host.secret.chmod(0o600)
    host.folder.chmod(0o700)
    (host.home / "closed").mkdir(mode=0o700)
    before = host.state()
    sandbox = LocalSandbox(host.home / "closed" / "sandbox", isolator(tier), LIMITS)
    async with sandbox.session("attacker") as session:
        result = await session.run(host.names() + PRELUDE + action)
        assert exception(result) in {*HIDDEN, "OSError", "ProcessLookupError"}
        assert host.text not in repr(result)
    await sandbox.close()
    assert host.state() == before


async def test_the_code_is_not_root_and_its_folder_is_closed_to_others(run, host):
    assert (await run("os.getuid() * os.geteuid() * os.getgid() == 0")).result == "False"
    data = host.home / "sandbox" / "attacker" / "data"
    assert data.stat().st_mode & 0o077 == 0
    if os.geteuid() == 0:
        assert data.stat().st_uid != 0
