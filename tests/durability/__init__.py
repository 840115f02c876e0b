"""Runs against death: real processes, killed at random and at every commit."""
