"""Use cases per resource, over the ports in `Deps`: what the API does, without HTTP."""
