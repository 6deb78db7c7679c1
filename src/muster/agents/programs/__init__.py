"""Agents that ship with muster. They run inside the sandbox as programs of their own: standard library only."""
