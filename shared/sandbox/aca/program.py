"""Calls for sessions in Azure: the code to send, and what to believe of the reply.

A session there knows nothing of the box, so each call brings our program along; the first one installs it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from shared.sandbox.base import CellResult, FileInfo, Limits, Status
from shared.sandbox.file_names import is_allowed
from shared.sandbox.interpreter import INSIDE
from shared.sandbox.untrusted_json import parsed

Json = dict[str, Any]

#: Where a long reply is left.
REPLY: Final = "box-reply.json"
_MARK: Final = "box-reply:"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PROGRAM: Final = (
    "box_cells.py",
    "box_charts.py",
    "box_display.py",
    "box_files.py",
    "box_hints.py",
    "box_remote.py",
)
_CALL: Final = """\
try:
    import box_remote
except ImportError:
    import base64, json, os, sys, tempfile
    _folder = tempfile.mkdtemp()
    for _name, _text in json.loads(base64.b64decode({program!r})).items():
        with open(os.path.join(_folder, _name), "w") as _file:
            _file.write(_text)
    sys.path.append(_folder)
    os.environ["MPLBACKEND"] = "module://box_charts"
    import box_remote
box_remote.call({question!r})
"""


def call(code: str, *, nonce: str, seconds: float, limits: Limits) -> str:
    """Python that runs the code and prints a reply marked with the nonce."""
    question = {
        "code": code,
        "nonce": nonce,
        "seconds": seconds,
        "logs": limits.logs,
        "value": limits.value,
        "outputs": limits.outputs,
        "images": limits.images,
        "image_size": limits.image_size,
    }
    return _CALL.format(program=_program(), question=_encoded(question))


def copy(name: str, to: str) -> str:
    """Python that copies a file, unless there is one of that name."""
    paths = f"'/mnt/data/' + {name!r}, '/mnt/data/' + {to!r}"
    return f"import os, shutil\nif not os.path.lexists('/mnt/data/' + {to!r}):\n    shutil.copyfile({paths})\n"


def find_reply(stdout: str, nonce: str, limits: Limits) -> tuple[str, Json | None]:
    """What was printed around our program, and the reply; None when there is none."""
    before, mark, after = stdout.rpartition(_MARK + nonce)
    reply = parsed(after, marks(limits)) if mark else None
    return (stdout, None) if reply is None else (before.removesuffix("\n"), reply)


def marks(limits: Limits) -> int:
    """Brackets and commas that an honest reply may have: its texts may be full of them."""
    return limits.logs + 2 * limits.value + 3 * limits.outputs + limits.images + 100


def result(reply: Mapping[str, Any], printed: str, limits: Limits, *, fresh: bool) -> CellResult:
    """The reply as a result; it comes from hostile code, so nothing in it is taken as it is."""
    status: Status = "ok" if reply.get("status") == "ok" else "error"
    error = _text(reply.get("error"), limits.value)
    interrupted = error is not None and error.rstrip().endswith("KeyboardInterrupt")  # by the service
    if status == "error" and (reply.get("timed_out") is True or interrupted):
        status = "timeout"
    logs = (_text(reply.get("logs"), limits.logs + 100) or "") + printed[: limits.logs]
    return CellResult(
        status=status,
        logs=logs.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
        result=_text(reply.get("result"), limits.value),
        error=error,
        images=tuple(_images(reply.get("images"), limits)),
        files=tuple(_files(reply.get("files"), limits)),
        fresh=fresh,
    )


def _text(value: object, longest: int) -> str | None:
    return value[:longest].encode(errors="replace").decode() if isinstance(value, str) else None


def _images(value: object, limits: Limits) -> list[bytes]:
    images = []
    for text in value[: limits.images] if isinstance(value, list) else ():
        try:
            data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
        except (binascii.Error, ValueError):
            continue
        if data.startswith(_PNG) and len(data) <= limits.image_size:
            images.append(data)
    return images


def _files(value: object, limits: Limits) -> list[FileInfo]:
    found = []
    for entry in value[: limits.outputs] if isinstance(value, list) else ():
        match entry:
            case [str(name), int(size)] if is_allowed(name) and 0 <= size <= limits.file_size and name != REPLY:
                found.append(FileInfo(name, size))
    return found


def _encoded(value: Json) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@cache
def _program() -> str:
    return _encoded({name: (INSIDE / name).read_text() for name in _PROGRAM})
