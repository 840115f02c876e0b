"""Model-written code cannot see, touch or outlive anything outside its own session."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from shared.sandbox.local import procfs
from tests.fakes.sandboxes import isolator, with_this_python
from tests.security.conftest import alive, exception, leader

REFUSED = {"OSError", "PermissionError", "ProcessLookupError", "FileNotFoundError"}


async def test_the_environment_holds_nothing_of_the_host(run, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "hunter2")
    result = await run("print(dict(os.environ), subprocess.run('env', capture_output=True, text=True).stdout)")
    assert result.status == "ok"
    assert "hunter2" not in result.logs
    assert "SECRET" not in result.logs


@pytest.mark.parametrize(
    "action",
    [
        "os.kill(VICTIM, 9)",
        "os.kill(HOST, 0)",
        "os.killpg(os.getpgid(VICTIM), 9)",
        "os.pidfd_open(VICTIM)",
        "os.setpriority(os.PRIO_PROCESS, VICTIM, 19)",
        "os.sched_setaffinity(VICTIM, {0})",
        "__import__('resource').prlimit(VICTIM, 7, (1, 1))",
        "os.open(f'/proc/{VICTIM}/mem', os.O_RDWR)",
        "os.readlink(f'/proc/{VICTIM}/exe')",
        "os.setsid()",
        "os.setuid(0)",
    ],
)
async def test_other_processes_and_users_are_out_of_reach(run, action):
    assert exception(await run(action)) in REFUSED


@pytest.mark.parametrize("name", ["ptrace", "process_vm_readv", "kcmp", "pidfd_getfd", "setns"])
async def test_other_processes_cannot_be_looked_into(run, name, syscalls):
    arguments = "16, VICTIM, 0, 0" if name == "ptrace" else "VICTIM, 0, 0, 0, 0, 0"
    assert exception(await run(f"call({syscalls[name]}, {arguments})")) == "OSError"


async def test_everybody_can_be_signalled_only_inside(run, host):
    result = await run("os.kill(-1, 9)")
    assert result.status in ("ok", "error", "killed")
    assert host.process.poll() is None


async def test_no_descriptor_is_inherited(run, host):
    result = await run(
        "found = []\n"
        "for fd in range(3, 128):\n"
        "    try:\n"
        "        found.append((fd, os.fstat(fd).st_mode & 0o170000 == 0o140000))\n"
        "    except OSError:\n"
        "        pass\n"
        "found\n"
    )
    assert result.status == "ok"
    found = eval(result.result or "[]")
    assert len(found) == 1, "only the socket to the box is open"
    assert found[0][1]


def cpu_ticks(pids: list[int]) -> int:
    """User and system time of these processes."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(field[11]) + int(field[12]) for field in fields)


async def quiet(caplog) -> None:
    """Nothing of the session works between calls."""
    pids = [member.pid for member in procfs.members(leader(caplog))]
    assert pids
    before = cpu_ticks(pids)
    await asyncio.sleep(0.3)
    assert cpu_ticks(pids) == before
    assert {member.state for member in procfs.members(leader(caplog))} <= {"T", "Z"}


@pytest.mark.parametrize(
    "action",
    [
        "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()",
        "if os.fork() == 0:\n    while True: pass",
        "if os.fork() == 0:\n    if os.fork() == 0:\n        while True: pass\n    os._exit(0)",
        "subprocess.Popen(['sh', '-c', 'while :; do :; done'])",
        "if os.fork() == 0:\n    os.setpgid(0, 0)\n    while True: pass",
    ],
    ids=["thread", "child", "orphan", "shell", "own group"],
)
async def test_nothing_works_on_after_the_call(run, action, caplog):
    assert (await run(action)).status == "ok"
    await quiet(caplog)
    assert (await run("1 + 1")).result == "2"


async def test_no_timer_wakes_a_stopped_session(run, syscalls, caplog):
    attempt = (
        "event = (ctypes.c_int * 16)(0, 0, 18, 0)\n"  # SIGEV_SIGNAL with SIGCONT
        f"timer = ctypes.c_int()\ncall({syscalls['timer_create']}, 1, event, ctypes.byref(timer))"
    )
    assert exception(await run(attempt)) == "OSError"
    attempt = "import fcntl\na, b = socket.socketpair()\nfcntl.fcntl(a, 10, signal.SIGCONT)"  # F_SETSIG
    assert exception(await run(attempt)) == "PermissionError"
    await quiet(caplog)


async def test_a_session_whose_first_thread_ended_is_stopped_too(run, syscalls, caplog):
    """The leader is a zombie then, but its threads are not."""
    result = await run(
        "if os.fork() == 0:\n"
        "    threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()\n"
        f"    call({syscalls['exit']}, 0)\n"
        "time.sleep(0.2)\n"
    )
    assert result.status == "ok"
    await quiet(caplog)


DYING = """
import mmap
def end_slowly(pipe):
    memory = mmap.mmap(-1, 300 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(15)  # small pages: giving them back takes a while
    for n in range(0, 300 << 20, 4096): memory[n] = 1
    def last():
        time.sleep(0.2)
        os.write(pipe, b'x')
        call(EXIT, 0)
    threading.Thread(target=last).start()
    call(EXIT, 0)
ended, pipe = os.pipe()
if os.fork() == 0:
    os.setpgid(0, 0)
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.setpgid(0, 0)
        while True: pass
    end_slowly(pipe)
os.read(ended, 1)
"""


async def test_a_process_that_ends_late_wakes_no_other(run, syscalls, caplog):
    """The kernel wakes a stopped group of processes when the last who could have done so is gone."""
    assert (await run(DYING.replace("EXIT", str(syscalls["exit"])))).status == "ok"
    await quiet(caplog)


@pytest.mark.parametrize("flags", ["signal.SIGCONT", "signal.SIGCHLD | 0x8000"], ids=["waking", "of the box"])
async def test_a_child_tells_nobody_but_its_own_parent_and_only_that_it_ended(run, syscalls, flags):
    assert exception(await run(f"call({syscalls['clone']}, {flags}, 0, 0, 0, 0) or os._exit(0)")) == "PermissionError"


async def test_a_process_without_its_first_thread_is_killed_with_its_session(run, syscalls, caplog):
    await run(
        "if os.fork() == 0:\n"
        "    threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()\n"
        f"    call({syscalls['exit']}, 0)\n"
        "time.sleep(0.2)\n"
        "os._exit(1)\n"
    )
    assert [member for member in procfs.members(leader(caplog)) if member.threads] == []


async def test_a_caller_that_gives_up_leaves_nothing_running(session, caplog):
    await session.run("1")
    caller = asyncio.create_task(session.run("while True: pass"))
    await asyncio.sleep(0.3)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    assert caller.cancelled()
    assert alive(leader(caplog)) == []


async def test_a_killed_kernel_takes_its_children_along(run, caplog):
    result = await run("for _ in range(3):\n    if os.fork() == 0:\n        while True: pass\nos.kill(os.getpid(), 11)")
    assert (result.status, result.reason) == ("killed", "crash")
    assert alive(leader(caplog)) == []
    assert (await run("1")).fresh


BOX = """
import asyncio, sys
from pathlib import Path
from shared.sandbox.interpreter import Interpreter
from shared.sandbox.local.isolation.bwrap import Bubblewrap
from shared.sandbox.local.isolation.landlock import Landlock
from shared.sandbox.local.sandbox import LocalSandbox

async def main(kind, home, executable, folders):
    python = Interpreter(executable, tuple(folders.split(':')))
    sandbox = LocalSandbox(Path(home), {"bwrap": Bubblewrap, "landlock": Landlock}[kind](python))
    async with sandbox.session("key") as session:
        await session.run("1")
        print(session._session_id(), flush=True)
        await session.run("while True: pass")

asyncio.run(main(*sys.argv[1:]))
"""


def ends(session: int) -> bool:
    """Whether the last process of a session ends before long."""
    deadline = time.monotonic() + 20
    while alive(session) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive(session) == []


@with_this_python
async def test_a_box_that_is_killed_takes_its_sandboxes_along(host, tier):
    python = isolator(tier).interpreter  # type: ignore[attr-defined]
    box = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", BOX, tier, str(host.home / "box"), python.executable),
        ":".join(python.folders),
        stdout=asyncio.subprocess.PIPE,
    )
    session = int(await box.stdout.readline())
    assert alive(session)
    box.kill()
    await box.wait()
    assert await asyncio.to_thread(ends, session)
