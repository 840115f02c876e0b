"""Measurements: `python -m bench` for runs, `python -m bench.search` and its neighbours for the rest."""
