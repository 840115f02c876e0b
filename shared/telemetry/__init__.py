"""What an operator can see of the box's work: traces and metrics, by OpenTelemetry, where somebody asks for them.

`base` is the port, with nothing behind it by default; `setup` puts OpenTelemetry there.
"""
