"""Where work waits: the port in `base`, one adapter a file."""
