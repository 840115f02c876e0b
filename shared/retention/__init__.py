"""What must be kept and what must go: legal holds as an operator sets them, and threads that are past their time."""
