"""The Python that runs inside: the box's own, and the folders of the host it needs to see."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: What the host's own programs and libraries need; of /usr/local only what Python itself lives in.
_SYSTEM: Final = ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/share", "/etc/fonts", "/etc/ld.so.cache")
_LINKS: Final = ("/bin", "/lib", "/lib32", "/lib64")
#: What Python needs of a prefix. The rest of a folder that holds a virtual environment may be anybody's secrets.
_OF_PREFIX: Final = ("bin", "lib", "lib32", "lib64", "libexec", "include", "share", "pyvenv.cfg")

#: The folder with the session's own program.
INSIDE: Final = Path(__file__).parent / "inside"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An executable and everything that must be readable for it to start."""

    executable: str
    #: Absolute paths as the program names them; each may be reached through links.
    folders: tuple[str, ...]

    @classmethod
    def of(cls, executable: str, prefixes: tuple[str, ...]) -> Interpreter:
        """An interpreter by its path, which may be relative, and its prefixes."""
        real = str(Path(executable).resolve().parent.parent)
        homes = {os.path.abspath(prefix) for prefix in (*prefixes, real)} - {"/", "/usr"}
        needed = [os.path.join(home, name) for home in sorted(homes) for name in _OF_PREFIX]
        # Not resolved: it is by its link in the virtual environment that Python finds the packages.
        return cls(os.path.abspath(executable), tuple(path for path in (*_SYSTEM, *needed) if os.path.exists(path)))


def this_interpreter() -> Interpreter:
    """The interpreter this process runs on, with its virtual environment."""
    return Interpreter.of(sys.executable, (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix))


def root_links() -> list[tuple[str, str | None]]:
    """/bin, /lib and their like: (path, target) where they are links, (path, None) where they are folders."""
    return [(path, os.readlink(path) if os.path.islink(path) else None) for path in _LINKS if os.path.lexists(path)]


def environment(*, home: str, inside: str, executable: str) -> dict[str, str]:
    """All that the code finds in its environment."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        "PATH": f"{os.path.dirname(executable)}:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "MPLBACKEND": "module://box_charts",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "PYTHONPATH": inside,
        "PYTHONDONTWRITEBYTECODE": "1",
        **one_thread,
    }
