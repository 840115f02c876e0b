"""Function tools that run inside the box: `base.py` makes them, every other file is one tool or serves one."""
