"""Where file bytes live: the port in `base`, one adapter a file."""
