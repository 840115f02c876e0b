"""The HTTP edge: a FastAPI app with one router per resource. No rules of the API's objects live here."""
