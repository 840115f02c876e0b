"""The run engine: what happens between `POST /runs` and the run's last status.

service -> worker (lease, watchdog) -> engine (prompt, turn, calls) -> recorder (commits, then events).
"""
