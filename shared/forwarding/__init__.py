"""Calls of the client that are not ours: what of them is passed on to the model's provider, and what is not."""
