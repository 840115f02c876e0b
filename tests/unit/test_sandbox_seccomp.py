"""The filter's program, run by a small machine of our own: so both processors are tested on either."""

from __future__ import annotations

import errno
import struct

import pytest

from shared.sandbox.local.isolation import seccomp
from shared.sandbox.local.isolation.syscalls import numbers

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, KILLED = "allowed", "killed"
MACHINES = ["x86_64", "aarch64"]
TIERS = ["namespaces", "landlock"]


def run(program: bytes, architecture: int, number: int, arguments: tuple[int, ...] = ()) -> str | int:
    """What the kernel would answer: allowed, killed, or an error number."""
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(value % 2**64 for value in values))
    code = list(struct.iter_unpack("=HBBI", program))
    position = accumulator = 0
    while True:
        operation, if_true, if_false, operand = code[position]
        position += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, operand)[0]
        elif operation == 0x06:
            return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}.get(operand, operand & 0xFFFF)
        else:
            holds = {
                0x15: accumulator == operand,
                0x25: accumulator > operand,
                0x35: accumulator >= operand,
                0x45: accumulator & operand != 0,
            }[operation]
            position += if_true if holds else if_false


@pytest.fixture(params=MACHINES)
def machine(request):
    return request.param


@pytest.fixture(params=TIERS)
def tier(request):
    return request.param


@pytest.fixture
def answer(machine, tier):
    program = seccomp.program(machine, tier)

    def ask(name: str | int, *arguments: int) -> str | int:
        number = name if isinstance(name, int) else numbers(machine)[name]
        return run(program, ARCHITECTURE[machine], number, arguments)

    return ask


def test_the_kernel_takes_a_program_of_this_length(machine, tier):
    program = seccomp.program(machine, tier)
    assert len(program) % 8 == 0
    assert len(program) // 8 <= 4096


@pytest.mark.parametrize(
    "name", ["read", "write", "openat", "mmap", "execve", "exit_group", "futex", "getrandom", "rseq"]
)
def test_what_python_needs_is_allowed(answer, name):
    assert answer(name) == ALLOWED


def test_every_call_that_is_not_narrowed_is_allowed_and_no_other(answer, machine):
    known = set(numbers(machine).values())
    for number in range(600):
        if number not in known:
            assert answer(number) == errno.ENOSYS, number


def test_another_processors_calls_kill(machine, tier):
    program = seccomp.program(machine, tier)
    for architecture in (0x40000003, 0x40000028, *(set(ARCHITECTURE.values()) - {ARCHITECTURE[machine]})):
        assert run(program, architecture, numbers(machine)["read"]) == KILLED


def test_x32_kills():
    assert run(seccomp.program("x86_64", "namespaces"), ARCHITECTURE["x86_64"], 0x40000000) == KILLED


@pytest.mark.parametrize(
    "flag", [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80]
)
def test_clone_makes_threads_and_processes_but_no_namespaces(answer, flag):
    assert answer("clone", 0x3D0F00) == ALLOWED
    assert answer("clone", 17) == ALLOWED
    assert answer("clone", 17 | flag) == errno.EPERM
    assert answer("clone3") == errno.ENOSYS


def test_only_ones_own_limits_and_priorities_change(answer):
    assert answer("prlimit64", 0) == ALLOWED
    assert answer("prlimit64", 1) == errno.EPERM
    assert answer("setpriority", 0, 0) == ALLOWED
    assert answer("setpriority", 0, 77) == errno.EPERM
    assert answer("setpriority", 2, 0) == errno.EPERM
    assert answer("sched_setaffinity", 5) == errno.EPERM


def test_high_bits_of_an_argument_do_not_smuggle_a_value_past(answer):
    assert answer("prctl", (1 << 32) | 4) == errno.EINVAL
    assert answer("prctl", (1 << 32) | 15) == ALLOWED
    assert answer("fcntl", 0, (7 << 32) | 8) == errno.EPERM
    assert answer("ioctl", 0, (1 << 40) | 0x5412) == errno.ENOTTY
    assert answer("openat", -100, 0, 0, (1 << 40) | 0o644) == ALLOWED


#: Call -> position of its command, the commands that work, and what any other answers.
COMMANDS = {
    "fcntl": (1, {0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032, 1034}, errno.EPERM),
    "ioctl": (1, {0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C542A}, errno.ENOTTY),
    "prctl": (0, {3, 15, 16, 21, 23, 29, 38, 39}, errno.EINVAL),
    "madvise": (2, {0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17, 18, 19, 22, 23}, errno.EINVAL),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_of_calls_that_are_many_in_one_only_the_known_commands_work(answer, name):
    position, known, refusal = COMMANDS[name]
    for command in {*range(2048), *range(0x5400, 0x5500), 0x8901, 0x8902, 0x40086602, 0x6685, *known}:
        arguments = (*[0] * position, command)
        assert answer(name, *arguments) == (ALLOWED if command in known else refusal), command


def test_of_sockets_only_plain_options_are_set_and_nothing_is_told_of_the_other_end(answer):
    settable = {option for option in range(128) if answer("setsockopt", 3, 1, option) == ALLOWED}
    assert settable == {2, 9, 13, 15, 20, 21, 66, 67}
    readable = {option for option in range(128) if answer("getsockopt", 3, 1, option) == ALLOWED}
    assert readable == settable | {3, 4, 7, 8, 30, 38, 39}
    for level in (0, 6, 17, 41, 255):
        assert answer("setsockopt", 3, level, 2) == answer("getsockopt", 3, level, 3) == errno.ENOPROTOOPT


def test_files_cannot_be_locked_against_the_host(answer, machine):
    assert answer({"x86_64": 73, "aarch64": 32}[machine]) == errno.ENOSYS  # flock


def test_sockets(answer, tier):
    for call in ("socket", "socketpair"):
        families = {family for family in range(50) if answer(call, family, 0x80001) == ALLOWED}
        kinds = {kind for kind in range(8) if answer(call, 1, kind) == ALLOWED}
        assert families == kinds == ({1} if tier == "namespaces" or call == "socketpair" else set())


def test_modes(answer, tier):
    assert answer("fchmodat", -100, 0, 0o755) == (ALLOWED if tier == "namespaces" else 0)
    assert answer("fchmodat", -100, 0, 0o4755) == (errno.EPERM if tier == "namespaces" else 0)
    assert answer("utimensat") == (ALLOWED if tier == "namespaces" else 0)


@pytest.mark.parametrize(("name", "before"), [("open", 2), ("openat", 3), ("creat", 1)])
def test_files_are_not_made_with_set_id_bits(answer, machine, name, before):
    if name in numbers(machine):
        for mode in (0o4755, 0o2755, 0o6000):
            assert answer(name, *[0] * before, mode) == errno.EPERM
        assert answer(name, *[0] * before, 0o1777) == ALLOWED


def test_signals_can_be_forbidden(machine):
    program = seccomp.program(machine, "landlock", signals=False)
    for name in ("kill", "tkill", "tgkill"):
        assert run(program, ARCHITECTURE[machine], numbers(machine)[name], (1,)) == errno.EPERM
    assert run(program, ARCHITECTURE[machine], numbers(machine)["read"]) == ALLOWED
