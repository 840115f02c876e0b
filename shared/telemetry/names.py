"""Every name that traces and metrics have: those of OpenTelemetry's GenAI conventions, and ours: `box.…`.

The conventions are not final, so they are pinned here: as `opentelemetry-semantic-conventions` has them in the version
below, which a test compares. Whoever raises it looks at this file alone.
"""

from __future__ import annotations

from typing import Final

CONVENTIONS: Final = "0.66b2"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

# operations
INVOKE_AGENT: Final = "invoke_agent"
CHAT: Final = "chat"
EXECUTE_TOOL: Final = "execute_tool"
RETRIEVAL: Final = "retrieval"

# attributes of the conventions
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
CONVERSATION: Final = "gen_ai.conversation.id"
MODEL: Final = "gen_ai.request.model"
TEMPERATURE: Final = "gen_ai.request.temperature"
TOP_P: Final = "gen_ai.request.top_p"
MAX_TOKENS: Final = "gen_ai.request.max_tokens"
SERVICE_TIER: Final = "openai.response.service_tier"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105  a kind of token of text
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
CALL_ID: Final = "gen_ai.tool.call.id"
DATA_SOURCE: Final = "gen_ai.data_source.id"
ERROR: Final = "error.type"

# contents, of which there are none unless the operator says so
INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
ARGUMENTS: Final = "gen_ai.tool.call.arguments"
RESULT: Final = "gen_ai.tool.call.result"
QUERY: Final = "gen_ai.retrieval.query.text"

# metrics of the conventions
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105
OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"

# our attributes
#: The same as `error.type`: the exporter for Application Insights leaves that out (1.0.0b58), and what a status says.
ERROR_TOO: Final = "box.error"
RUN: Final = "box.run.id"
OWNER: Final = "box.owner"
STATUS: Final = "box.run.status"
TURNS: Final = "box.run.turns"
ENDPOINT: Final = "box.model.endpoint"
HOLDER: Final = "box.lease.holder"
QUEUE: Final = "box.queue.name"
FILES: Final = "box.file.ids"
WORK: Final = "box.ingestion.kind"
ACTION: Final = "box.action"
SERVICE: Final = "box.storage.service"
METHOD: Final = "box.storage.operation"

# our spans
LEASE: Final = "lease"
RETRY: Final = "retry"
INGEST: Final = "ingest"
#: What a run waits for, by the state that ends -> the span that tells of it.
WAITS: Final = {
    "queued": "wait for a worker",
    "submit_tool_approval": "wait for approval",
    "submit_tool_outputs": "wait for tool outputs",
}

# our metrics
RUNS: Final = "box.runs"
DRIVEN: Final = "box.runs.driven"
QUEUE_WAIT: Final = "box.queue.wait"
QUEUE_MESSAGES: Final = "box.queue.messages"
QUEUE_POISON: Final = "box.queue.poison"
POISONED: Final = "box.messages.poisoned"
RETRIES: Final = "box.retries"
TROUBLES: Final = "box.troubles"
STORAGE: Final = "box.storage.operations"

#: Bounds of histograms: seconds of turns and calls, tokens, as the conventions advise them; seconds in a queue.
DURATIONS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_SECONDS: Final = (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TOKENS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
WAIT_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
