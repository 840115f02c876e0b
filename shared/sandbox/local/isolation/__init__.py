"""How a process is kept away from everything that matters. base.py is the port; adapters are beside it."""
