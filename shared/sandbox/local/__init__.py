"""Model-written Python in processes of this machine, isolated by an adapter of isolation/base.py."""
