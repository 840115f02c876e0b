"""Drives Microsoft's Python runtime for Functions, without its gRPC shell: index, load and invoke one function app.

The shell in Azure makes the same calls with the messages it gets from the host. One app per process: the runtime keeps
its registry in module globals.
"""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as worker

from tests.functions import messages
from tests.functions.messages import ParameterBinding, RpcHttp, StatusResult, TypedData


class Rejected(Exception):
    """The runtime does not accept the app."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function as the runtime indexed it."""

    name: str
    id: str
    bindings: tuple[dict[str, Any], ...]

    @property
    def trigger(self) -> dict[str, Any]:
        return next(binding for binding in self.bindings if binding["type"].lower().endswith("trigger"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended, as the host learns it."""

    function: str
    ok: bool
    error: str = ""
    #: Output binding -> what it was given.
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Runtime:
    """The functions of one app, ready to be invoked."""

    app_dir: Path
    http_uri: str = ""
    functions: list[Function] = field(default_factory=list)

    async def start(self) -> None:
        """Index the app; afterwards its HTTP server listens at `http_uri`."""
        sys.path.append(str(self.app_dir))  # last, as the shell does
        worker.start_threadpool_executor()
        started = await worker.worker_init_request(
            _request(worker_init_request=messages.WorkerInitRequest(function_app_directory=str(self.app_dir)))
        )
        _accept(started.result)
        self.http_uri = started.capabilities.get("HttpUri", "")  # none without HTTP triggers
        indexed = await worker.functions_metadata_request(_request())
        _accept(indexed.result)
        # The host sorts by name before it maps routes: the order decides which one wins.
        for found in sorted(indexed.function_metadata_results, key=lambda found: found.name.lower()):
            load = messages.FunctionLoadRequest(function_id=found.function_id, metadata=found)
            _accept((await worker.function_load_request(_request(function_load_request=load))).result)
            bindings = tuple(json.loads(binding) for binding in found.raw_bindings)
            self.functions.append(Function(found.name, found.function_id, bindings))

    def stop(self) -> None:
        worker.stop_threadpool_executor()

    async def invoke_http(self, function: Function, params: dict[str, str], invocation_id: str) -> Outcome:
        """Only route parameters travel this way; the request itself goes to `http_uri`."""
        return await self._invoke(function, TypedData(http=RpcHttp(params=params)), {}, invocation_id)

    async def invoke_queue(self, function: Function, body: str, message_id: str, dequeue_count: int) -> Outcome:
        metadata = {
            "Id": TypedData(string=message_id),
            "PopReceipt": TypedData(string="receipt"),
            "DequeueCount": TypedData(json=str(dequeue_count)),
            "InsertionTime": TypedData(json='"2026-11-23T08:00:00+00:00"'),
            "NextVisibleTime": TypedData(json='"2026-11-23T08:10:00+00:00"'),
            "ExpirationTime": TypedData(json='"2026-11-30T08:00:00+00:00"'),
        }
        return await self._invoke(function, TypedData(string=body), metadata, str(uuid.uuid4()))

    async def invoke_timer(self, function: Function) -> Outcome:
        timer = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
        return await self._invoke(function, TypedData(json=json.dumps(timer)), {}, str(uuid.uuid4()))

    async def _invoke(
        self, function: Function, data: TypedData, metadata: dict[str, TypedData], invocation_id: str
    ) -> Outcome:
        call = messages.InvocationRequest(
            invocation_id=invocation_id,
            function_id=function.id,
            input_data=[ParameterBinding(name=function.trigger["name"], data=data)],
            trigger_metadata=metadata,
        )
        ended = await worker.invocation_request(_request(invocation_request=call))
        if ended.result.status == StatusResult.Success:
            outputs = {each.name: each.data.string for each in ended.output_data}
            return Outcome(function.name, ok=True, outputs=outputs)
        return Outcome(function.name, ok=False, error=ended.result.exception.message)


def _request(**content: Any) -> Any:
    return SimpleNamespace(request=SimpleNamespace(**content), properties={"protos": messages, "host": "127.0.0.1"})


def _accept(result: StatusResult) -> None:
    if result.status != StatusResult.Success:
        assert result.exception is not None
        raise Rejected(f"{result.exception.message}\n{result.exception.stack_trace}")
