"""The smoke test: a client's whole story against any box. Nothing in here knows how a box is made."""
