"""Embedders: a model's endpoint, or none."""
