"""A home's backup: a consistent copy of a box in a folder, taken while it is in use, and the way back."""
