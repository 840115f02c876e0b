"""Assistants, what their tools may use, and the list of models: what the API does with them, without HTTP."""
