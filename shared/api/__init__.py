"""The HTTP edge: an ASGI app of routes, one file per resource. No rules of the API's objects live here."""
