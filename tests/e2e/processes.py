"""Processes of this machine, found by what they were started as."""

from __future__ import annotations

from pathlib import Path


def sleepers(mark: str) -> list[str]:
    """Process ids of every `sleep MARK`: what a test started deep inside a sandbox, told by a duration nobody else sleeps."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", mark.encode()]:
            found.append(entry.parent.name)
    return found
