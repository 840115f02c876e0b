"""The embedded host: the box on a laptop or a server of its own, in one process or several."""
