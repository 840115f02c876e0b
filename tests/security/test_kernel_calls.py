"""System calls that a data assistant never makes do not exist for it."""

from __future__ import annotations

import asyncio
import platform
from pathlib import Path

import pytest

from shared.sandbox.local.sandbox import LocalSandbox
from tests.fakes.sandboxes import isolator
from tests.security.conftest import LIMITS, exception


def leases() -> int:
    """Leases on this machine, whoever holds them."""
    return Path("/proc/locks").read_text().count("LEASE")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("unshare", "0x10000000"),
        ("clone", "0x10000011, 0, 0, 0, 0"),
        ("clone3", "ctypes.create_string_buffer(88), 88"),
        ("bpf", "0, 0, 0"),
        ("perf_event_open", "0, 0, 0, 0, 0"),
        ("keyctl", "0, -3, 0"),
        ("add_key", "b'user', b'k', b'v', 1, -3"),
        ("request_key", "b'user', b'k', 0, -3"),
        ("io_uring_setup", "8, ctypes.create_string_buffer(200)"),
        ("userfaultfd", "0"),
        ("memfd_create", "b'm', 0"),
        ("shmget", "0, 4096, 0o1600"),
        ("msgget", "0, 0o1600"),
        ("semget", "0, 1, 0o1600"),
        ("init_module", "0, 0, 0"),
        ("kexec_load", "0, 0, 0, 0"),
        ("reboot", "0xfee1dead, 672274793, 0, 0"),
        ("swapon", "b'/mnt/data/x', 0"),
        ("settimeofday", "0, 0"),
        ("sethostname", "b'x', 1"),
        ("personality", "0x0040000"),
        ("fanotify_init", "0, 0"),
        ("quotactl", "0, 0, 0, 0"),
        ("syslog", "3, ctypes.create_string_buffer(100), 100"),
        ("acct", "0"),
        ("fsopen", "b'ext4', 0"),
        ("seccomp", "1, 0, 0"),
        ("landlock_create_ruleset", "0, 0, 1"),
        ("inotify_add_watch", "call(INOTIFY, 0), b'/etc', 0xfff"),
        ("fallocate", "os.open('/mnt/data/x', os.O_CREAT | os.O_RDWR), 1, 0, 1 << 30"),
    ],
)
async def test_a_dangerous_call_is_refused(run, syscalls, name, arguments):
    arguments = arguments.replace("INOTIFY", str(syscalls["inotify_init1"]))
    assert exception(await run(f"call({syscalls[name]}, {arguments})")) in {"OSError", "PermissionError"}


@pytest.mark.parametrize(("option", "value"), [(4, 0), (22, 0), (1, 0), (36, 1), (59, 4)])
async def test_prctl_cannot_loosen_anything(run, option, value):
    assert (await run(f"libc.prctl({option}, {value}, 0, 0, 0)")).result == "-1"


async def test_the_terminals_input_cannot_be_forged(run):
    assert exception(await run("import fcntl\nfcntl.ioctl(0, 0x5412, b'x')")) == "OSError"


@pytest.mark.parametrize("path", ["'/mnt/data/mine'", "os.__file__"], ids=["own file", "host's file"])
async def test_a_lease_cannot_be_taken(run, path):
    """Whoever opens a leased file waits for its holder; the interpreter's files are those that the box runs on."""
    code = f"""
import fcntl
open('/mnt/data/mine', 'w').close()
fcntl.fcntl(os.open({path}, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_WRLCK)
"""
    before = leases()
    result = await run(code)
    assert exception(result) == "PermissionError"
    assert "Operation not permitted" in (result.error or "")  # by the filter: the file's owner is not asked
    assert leases() == before


async def test_a_second_sandbox_of_the_same_user_starts_beside_one_that_asked_for_a_lease(run, host, tier):
    await run("import fcntl\nfcntl.fcntl(os.open(os.__file__, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_WRLCK)")
    second = LocalSandbox(host.home / "second", isolator(tier), LIMITS)
    async with asyncio.timeout(20), second.session("neighbour") as session:
        assert (await session.run("import this")).status == "ok"
    await second.close()


@pytest.mark.parametrize(
    ("action", "errno"),
    [
        ("fcntl.fcntl(os.open('/mnt/data', 0), 1026, 1)", "EPERM"),  # F_NOTIFY
        ("fcntl.flock(os.open(os.__file__, 0), fcntl.LOCK_SH | fcntl.LOCK_NB)", "ENOSYS"),
        ("fcntl.fcntl(os.pipe()[0], 1031, 65536)", "EPERM"),  # F_SETPIPE_SZ
        ("fcntl.ioctl(os.open(os.__file__, 0), 0x80086601, bytes(8))", "ENOTTY"),  # FS_IOC_GETFLAGS
        ("mmap.mmap(-1, 4096).madvise(12)", "EINVAL"),  # MADV_MERGEABLE
        ("socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)", "ENOPROTOOPT"),
        ("socket.socketpair()[0].getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)", "ENOPROTOOPT"),
    ],
)
async def test_of_a_call_that_is_many_in_one_the_unknown_commands_are_refused(run, action, errno):
    told = "print(errno.errorcode[error.errno])"
    result = await run(f"import errno, fcntl, mmap\ntry:\n    {action}\nexcept OSError as error:\n    {told}")
    assert result.logs == f"{errno}\n"


async def test_what_python_asks_of_descriptors_works(run):
    result = await run("""
import fcntl, mmap, sqlite3
one, other = socket.socketpair()
one.setblocking(False)
one.settimeout(1)
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
os.set_inheritable(one.fileno(), True)
print(os.isatty(0), one.type == socket.SOCK_STREAM, one.dup().getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
page = mmap.mmap(-1, 4096)
page.madvise(mmap.MADV_DONTNEED)
connection = sqlite3.connect('/mnt/data/base.db')
connection.execute('CREATE TABLE t (x)')
connection.commit()
fcntl.lockf(open('/mnt/data/lock', 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)
print(subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True, text=True).stdout)
""")
    assert (result.status, result.logs) == ("ok", "False True 0\n1\n\n"), result.error


MACHINE_CODE = """
import mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("CODE"))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
print("trying", flush=True)
print("survived", ctypes.CFUNCTYPE(ctypes.c_long)(address)())
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86_64 machine code")
@pytest.mark.parametrize(
    "code",
    [
        "b814000000cd80c3",  # mov eax, 20; int 0x80; ret: getpid by the 32-bit way
        "b8270000400f05c3",  # mov eax, 0x40000027; syscall; ret: getpid by x32
    ],
    ids=["int 0x80", "x32"],
)
async def test_a_foreign_calling_convention_kills(run, code):
    result = await run(MACHINE_CODE.replace("CODE", code))
    assert (result.status, result.reason, result.logs) == ("killed", "crash", "trying\n")
