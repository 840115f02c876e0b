"""Spans on their way to a collector: OpenTelemetry's exporter, with an encoding that costs a fraction of its own.

It makes a message of protobuf for each attribute and copies that from one to the next, a tenth of what a run costs the
box. Encoded messages are their fields, one after the other: so the attributes of a span, most of which were the same in
the span before, are kept encoded and appended to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, cast

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, SpanFlags, Status
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from shared.telemetry.words import Attribute, Attributes

#: Attributes that are kept encoded, and the longest: contents, which are said once, are not kept.
KEPT, LONGEST_KEPT = 2000, 200

#: The places of what is repeated in a message, each before its length: the first byte of a field, as protobuf says.
_RESOURCES: Final = b"\x0a"
_SCOPES: Final = b"\x12"
_SPANS: Final = b"\x12"
_ATTRIBUTES: Final = b"\x4a"


class CollectorSpans(OTLPSpanExporter):
    """The exporter: where it sends to, how, and how often it tries, is the library's."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans, all of one process and one scope."""
        sent = self._client.export(encoded(spans))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


def encoded(spans: Sequence[ReadableSpan]) -> bytes:
    """The body of a request that tells a collector of these."""
    # Whose they are is told as the library tells it, of a span that says nothing else.
    first = spans[0]
    blank = ReadableSpan("", first.context, None, first.resource, instrumentation_scope=first.instrumentation_scope)
    [resource] = encode_spans([blank]).resource_spans
    [scope] = resource.scope_spans
    of_scope = ScopeSpans(scope=scope.scope, schema_url=scope.schema_url).SerializeToString()
    of_resource = ResourceSpans(resource=resource.resource, schema_url=resource.schema_url).SerializeToString()
    told = of_scope + b"".join(_field(_SPANS, b"".join(_parts(each))) for each in spans)
    return _field(_RESOURCES, of_resource + _field(_SCOPES, told))


def _parts(span: ReadableSpan) -> Iterator[bytes]:
    context, parent = span.context, span.parent
    is_remote = parent is not None and parent.is_remote
    message = Span(
        trace_id=context.trace_id.to_bytes(16),
        span_id=context.span_id.to_bytes(8),
        parent_span_id=b"" if parent is None else parent.span_id.to_bytes(8),
        name=_clean(span.name),
        kind=span.kind.value + 1,  # type: ignore[arg-type]
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        flags=_REMOTE if is_remote else _LOCAL,
    )
    yield message.SerializeToString()
    yield _STATUSES[span.status.status_code.value]
    for key, value in cast("Attributes", span.attributes or {}).items():
        if isinstance(value, list) or (isinstance(value, str) and len(value) > LONGEST_KEPT):
            yield _attribute(key, value)
        else:
            yield _kept(key, value)


_LOCAL: Final = SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE: Final = _LOCAL | SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK


def _attribute(key: str, value: Attribute) -> bytes:
    told = KeyValue(key=key)
    try:
        _tell(told.value, value)
        return _field(_ATTRIBUTES, told.SerializeToString())
    except ValueError:  # a number from elsewhere that is too large: the rest is told
        return b""


#: 1 and 1.0 are different.
_kept: Final = lru_cache(KEPT, typed=True)(_attribute)


def _tell(told: AnyValue, value: Attribute) -> None:
    if isinstance(value, str):
        told.string_value = _clean(value)
    elif isinstance(value, bool):
        told.bool_value = value
    elif isinstance(value, int):
        told.int_value = value
    elif isinstance(value, float):
        told.double_value = value
    else:
        told.array_value.SetInParent()
        for each in value:
            _tell(told.array_value.values.add(), each)


def _clean(text: str) -> str:
    """The text as protobuf takes it: half a pair of UTF-16 is none."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _field(place: bytes, content: bytes) -> bytes:
    """A field with its length, seven bits to a byte and the lowest first, as protobuf writes it."""
    left, length = len(content), b""
    while left > 127:
        length += _BYTES[left & 127 | 128]
        left >>= 7
    return place + length + _BYTES[left] + content


_BYTES: Final = [bytes([each]) for each in range(256)]
_STATUSES: Final = [_field(b"\x7a", Status(code=code).SerializeToString()) for code in range(3)]  # type: ignore[arg-type]
