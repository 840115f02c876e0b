"""Where records live: the port in `base`, one adapter a file."""
