"""System calls that a data assistant never makes do not exist for it."""

from __future__ import annotations

import platform

import pytest

from tests.security.conftest import exception


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
    assert exception(await run("import fcntl\nfcntl.ioctl(0, 0x5412, b'x')")) == "PermissionError"


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
