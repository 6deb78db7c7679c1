"""Ways out of a sandbox without a network: ports inside it that lead to sockets of the worker."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

RELAY: Final = Path(sys.modules["muster"].__file__ or "").parent / "sandboxes" / "relay.py"


def behind(doors: Mapping[int, Path], argv: Sequence[str], python: str) -> Sequence[str]:
    """A command line behind the doors; itself where there are none."""
    if not doors:
        return argv
    words = [f"{port}={socket}" for port, socket in doors.items()]
    return [python, "-I", "-S", str(RELAY), *words, "--", *argv]


def readable(doors: Mapping[int, Path]) -> list[Path]:
    """What the sandbox must see of them."""
    return list(dict.fromkeys(socket.parent for socket in doors.values()))
