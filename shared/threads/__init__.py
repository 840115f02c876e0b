"""Threads and their messages: what the API does with them, without HTTP."""
