"""The messages between the Functions host and the Python runtime, as far as this project uses them.

The runtime takes its message classes as an argument. These are strict pydantic dataclasses: like the wire, they refuse
an unknown field, a None in a map or a float where an int belongs. Names and numbers are those of the public protocol.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar, TypeVar, dataclass_transform

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

T = TypeVar("T")


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
def message(cls: type[T]) -> type[T]:
    return dataclass(cls, config=ConfigDict(strict=True, extra="forbid"), kw_only=True)  # type: ignore[return-value]  # pydantic says less


@message
class RpcException:
    source: str = ""
    type: str = ""
    message: str = ""
    stack_trace: str = ""


@message
class StatusResult:
    Failure: ClassVar[int] = 0
    Success: ClassVar[int] = 1

    status: int = 0
    result: str = ""
    exception: RpcException | None = None


@message
class RpcHttp:
    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: TypedData | None = field(default_factory=lambda: TypedData())


@message
class TypedData:
    """One value: at most one field is set."""

    string: str | None = None
    json: str | None = None
    http: RpcHttp | None = None

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802  protobuf's name
        return next((name for name, value in vars(self).items() if value is not None), None)


@message
class ParameterBinding:
    name: str = ""
    data: TypedData | None = None
    rpc_shared_memory: None = None

    def WhichOneof(self, group: str) -> str:  # noqa: N802  protobuf's name
        return "data"


@message
class BindingInfo:
    undefined: ClassVar[int] = 0
    out: ClassVar[int] = 1
    inout: ClassVar[int] = 2

    type: str = ""
    direction: int = 0
    data_type: int | None = None


@message
class RpcFunctionMetadata:
    name: str
    function_id: str
    directory: str
    script_file: str
    entry_point: str
    language: str
    is_proxy: bool
    managed_dependency_enabled: bool
    bindings: dict[str, BindingInfo]
    raw_bindings: list[str]
    properties: dict[str, str]
    retry_options: None = None


@message
class WorkerMetadata:
    runtime_name: str
    runtime_version: str
    worker_version: str
    worker_bitness: str
    custom_properties: dict[str, str] = field(default_factory=dict)


@message
class WorkerInitRequest:
    function_app_directory: str
    host_version: str = "4.1052.200"
    capabilities: dict[str, str] = field(default_factory=dict)


@message
class WorkerInitResponse:
    capabilities: dict[str, str]
    worker_metadata: WorkerMetadata
    result: StatusResult


@message
class FunctionMetadataResponse:
    use_default_metadata_indexing: bool
    function_metadata_results: list[RpcFunctionMetadata] | None
    result: StatusResult


@message
class FunctionLoadRequest:
    function_id: str
    metadata: RpcFunctionMetadata


@message
class FunctionLoadResponse:
    function_id: str
    result: StatusResult


@message
class RpcTraceContext:
    trace_parent: str = ""
    trace_state: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@message
class RetryContext:
    retry_count: int = 0
    max_retry_count: int = 0
    exception: Any = None


@message
class InvocationRequest:
    invocation_id: str
    function_id: str
    input_data: list[ParameterBinding]
    trigger_metadata: dict[str, TypedData] = field(default_factory=dict)
    trace_context: RpcTraceContext = field(default_factory=RpcTraceContext)
    retry_context: RetryContext = field(default_factory=RetryContext)


@message
class InvocationResponse:
    invocation_id: str
    result: StatusResult
    return_value: TypedData | None = None
    output_data: list[ParameterBinding] = field(default_factory=list)
