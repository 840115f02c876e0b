"""The box's demo model: rules instead of a language model, so that a newcomer sees whole runs without an account."""

from shared.demo.offline.model import OfflineLlm

__all__ = ["OfflineLlm"]
