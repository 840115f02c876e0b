"""The API's objects and requests, as pydantic models: what is on the wire, no I/O."""
