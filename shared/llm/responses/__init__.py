"""Any endpoint that speaks the Responses API: Azure OpenAI, OpenAI, Ollama, vLLM, LM Studio…"""

from shared.llm.responses.adapter import ResponsesLlm
from shared.llm.responses.choice import from_settings

__all__ = ["ResponsesLlm", "from_settings"]
