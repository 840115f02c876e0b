"""The code interpreter: the model's Python in the thread's sandbox, with the thread's files in and what it made out."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Final

from shared import layout
from shared.deps import Caller, Deps
from shared.errors import ApiError
from shared.files import files
from shared.json_types import Json
from shared.objects.run import RunRecord
from shared.runs.tool_call_views import CallView, CodeView, code_of
from shared.runs.tool_calls import ATTEMPTS, STOPPED, Handler, ToolResult, built_in_function
from shared.sandbox.base import (
    DATA,
    CellResult,
    CodeSandbox,
    FileMissing,
    FileRefused,
    Isolation,
    SandboxError,
    Session,
    session_key,
)

logger = logging.getLogger(__name__)

NAME: Final = "code_interpreter"
#: Characters of output the model is shown; the step has all of it.
SHOWN_TO_MODEL: Final = 20_000
#: Bytes of a file that is kept as an output.
LARGEST_OUTPUT: Final = 512 * 1024 * 1024
#: What the model is told of a thread's files that are Foundry's.
IN_AZURE: Final = "The conversation also names data in Azure, which is not available here. Tell the user."

DESCRIPTION: Final = """\
Run Python in the conversation's sandbox and get its output. Variables and files stay between calls.
{libraries} there is no network.
The user's files are in /mnt/data. Print what you want to see. Charts shown with plt.show() are shown to the user.
To hand the user a file, save it directly in /mnt/data (in no folder) and link it as [name](sandbox:/mnt/data/name)."""
#: What people know from the hosted interpreter, by its name as a distribution; the model is told what is there.
LIBRARIES: Final = (
    *("numpy", "pandas", "scipy", "sympy", "matplotlib", "seaborn", "scikit-learn", "statsmodels", "networkx"),
    *("openpyxl", "xlsxwriter", "python-docx", "python-pptx", "reportlab", "pillow", "tabulate", "jinja2"),
    *("pyarrow", "plotly"),
)
#: Libraries whose old spellings fail in new versions: the version says which to write.
TOLD_WITH_VERSION: Final = frozenset({"numpy", "pandas", "matplotlib"})

ENDINGS: Final = {
    "timeout": "Error: the code was stopped because it took too long.",
    "memory": "Error: the code was stopped because it used too much memory.",
    "mappings": "Error: the code was stopped because it mapped memory in too many pieces.",
    "descriptors": "Error: the code was stopped because it had too many files open.",
    "locks": "Error: the code was stopped because it took too many locks on files.",
    "processes": "Error: the code was stopped because it started too many processes.",
    "disk": "Error: the code was stopped because it wrote too much to the disk.",
    "crash": "Error: the interpreter crashed.",
    "protocol": "Error: the interpreter crashed.",
}


@dataclass(frozen=True, slots=True)
class CodeInterpreter:
    """The code interpreter in one run: carries out its calls, one after the other."""

    deps: Deps
    sandbox: CodeSandbox
    record: RunRecord
    #: Calls of one turn run in their order, and wait for each other as long as it takes.
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: Code touches nothing but its sandbox, unless it found a way to end the box.
    attempts: int | None = ATTEMPTS
    side_effects: bool = False
    needs_approval: bool = False

    @property
    def definition(self) -> Json:
        code = {"type": "string", "description": "Python source code."}
        return built_in_function(NAME, description(self.sandbox.info.isolation), "code", code)

    def view(self, call_id: str) -> CallView:
        return CodeView(call_id)

    async def given_up(self, call_id: str, arguments: str) -> ToolResult:
        call = self.view(call_id).call(arguments)
        return ToolResult(f"Error: {STOPPED}", with_outputs(call, [log_output(STOPPED)]))

    async def execute(self, call_id: str, arguments: str) -> ToolResult:
        call, code = self.view(call_id).call(arguments), code_of(arguments)
        if not code:
            return ToolResult('Error: the arguments must be JSON such as {"code": "print(1)"}.', call)
        key = session_key(await self.deps.session_secret.get(), self.record.owner, self.record.run.thread_id)
        try:
            async with self.turns, self.sandbox.session(key) as session:
                notes = await self._bring_files(session)
                left, began = self.record.run.deadline - self.deps.clock(), time.monotonic()
                result = await session.run(code, max(1.0, min(self.sandbox.info.limits.seconds, left)))
                took = round(1000 * (time.monotonic() - began))
                images, made, left_out = await self._keep(session, result)
        except SandboxError as error:
            logger.warning("code not run", extra={"action": "code_not_run", "run_id": self.record.run.id})
            return ToolResult(f"Error: {error}", with_outputs(call, [log_output(str(error))]))
        return replace(tool_result(call, result, images, made, [*notes, *left_out]), milliseconds=took)

    async def _bring_files(self, session: Session) -> list[str]:
        """Put the files of assistant, thread and messages where the code finds them, unless they are there."""
        resources = await self._resources()
        notes = [IN_AZURE] if any(each.get("data_sources") for each in resources) else []
        for file_id in dict.fromkeys(file_id for each in resources for file_id in each.get("file_ids", [])):
            if await session.holds(file_id):
                continue
            try:
                data, pieces = await files.content(Caller(self.deps, self.record.owner), file_id)
                await session.put_file(file_id, pieces, also=PurePosixPath(data["filename"]).name)
            except (ApiError, FileRefused) as error:
                notes.append(f"The file {file_id} is not available: {error}")
        return notes

    async def _resources(self) -> list[Json]:
        """The assistant's files and the thread's, read now: messages attach more, and they come before the run."""
        thread = await self.deps.store.get(
            layout.thread(self.record.owner, self.record.run.thread_id), layout.THREAD_KEY
        )
        of_thread = {} if thread is None else thread.data["tool_resources"]
        return [each.get(NAME, {}) for each in (self.record.resources, of_thread)]

    async def _keep(self, session: Session, result: CellResult) -> tuple[list[str], dict[str, str], list[str]]:
        """Make files of charts and of what the code wrote: the charts' ids, the others' by name, what was left out."""
        images = []
        for number, image in enumerate(result.images):
            images.append((await self._store(f"{self.record.run.id}-{number}.png", once(image)))["id"])
        made, left_out = {}, []
        # Files with holes in them claim more than the session's disk has.
        room = self.sandbox.info.limits.disk
        for info in result.files:
            if info.size > min(room, LARGEST_OUTPUT):
                left_out.append(f"(File {DATA}/{info.name} is too large to be handed to the user.)")
                continue
            try:
                data = await self._store(info.name, session.read_file(info.name))
            except FileMissing:
                logger.info("output gone", extra={"action": "output_gone", "run_id": self.record.run.id})
            else:
                made[info.name] = data["id"]
                room -= data["bytes"]
        return images, made, left_out

    async def _store(self, filename: str, pieces: AsyncIterator[bytes]) -> Json:
        return await files.produce(Caller(self.deps, self.record.owner), filename, pieces)


def handlers(deps: Deps, record: RunRecord, taken: set[str]) -> list[Handler]:
    """The code interpreter, for a run that has it, where this host has a sandbox."""
    return [] if deps.sandbox is None else [CodeInterpreter(deps, deps.sandbox, record)]


@cache
def description(isolation: Isolation) -> str:
    """What the model is told of the tool, with the libraries that its code can import."""
    if isolation == "hyperv":  # the service's own Python
        return DESCRIPTION.format(libraries="numpy, pandas, matplotlib and many others are installed;")
    found = []
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            shown = version(name)
            found.append(f"{name} {shown}" if name in TOLD_WITH_VERSION else name)
    return DESCRIPTION.format(libraries=f"{', '.join(found)} are installed;" if found else "Only the standard library;")


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Bytes in memory as pieces."""
    yield data


def tool_result(
    call: Json, result: CellResult, images: list[str], made: dict[str, str], notes: list[str]
) -> ToolResult:
    """What the step shows, and what the model is told."""
    ending = ENDINGS.get(result.reason or result.status, "")
    text = "\n".join(each for each in (result.logs.rstrip("\n"), result.result, result.error, ending) if each)
    outputs = [log_output(text)] if text else []
    outputs += ({"type": "image", "image": {"file_id": each}} for each in images)
    told = [shortened(text)] if text else []
    if result.fresh:
        told.append("(The interpreter was restarted before this code: variables are gone, and perhaps files.)")
    if images:
        told.append(f"({len(images)} chart(s) shown to the user.)")
    told += (f"(File {DATA}/{name} written; link it as sandbox:{DATA}/{in_link(name)}.)" for name in made)
    deltas = [{"type": NAME, NAME: {"outputs": [{"index": index, **output}]}} for index, output in enumerate(outputs)]
    output = "\n".join([*told, *notes]) or "(no output)"
    failed = result.status != "ok"
    return ToolResult(output, with_outputs(call, outputs), images, made, deltas=deltas, failed=failed)


def shortened(text: str) -> str:
    """The beginning and the end of a long output: what went wrong stands at the end."""
    half = SHOWN_TO_MODEL // 2
    return text if len(text) <= SHOWN_TO_MODEL else f"{text[:half]}\n(cut)\n{text[-half:]}"


def in_link(name: str) -> str:
    """The name without what would end a link in Markdown."""
    return re.sub(r"[ ()\[\]%]", lambda found: f"%{ord(found[0]):X}", name)


def log_output(text: str) -> Json:
    """Text as an output of the step."""
    return {"type": "logs", "logs": text}


def with_outputs(call: Json, outputs: list[Json]) -> Json:
    """The call with what came of it."""
    return {**call, NAME: {**call[NAME], "outputs": outputs}}
