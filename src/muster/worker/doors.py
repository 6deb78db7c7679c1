"""Ways out of a sandbox without a network: ports inside it that lead to sockets of the worker."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from muster.domain.egress import parse_rule
from muster.sandboxes.egress import EgressProxy, Traffic

RELAY: Final = Path(sys.modules["muster"].__file__ or "").parent / "sandboxes" / "relay.py"


def behind(doors: Mapping[int, Path], argv: Sequence[str], python: str) -> Sequence[str]:
    """A command line behind the doors; itself where there are none."""
    if not doors:
        return argv
    words = [f"{port}={socket}" for port, socket in doors.items()]
    return [python, "-I", "-S", str(RELAY), *words, "--", *argv]


def readable(doors: Mapping[int, Path]) -> list[Path]:
    """What the sandbox must see of them: the sockets, and the program that leads there."""
    return list(dict.fromkeys([*(socket.parent for socket in doors.values()), RELAY.parent])) if doors else []


@dataclass(frozen=True, slots=True)
class Egress:
    """The allowed hosts of an attempt: the door to them, and what programs must know to use it."""

    hosts: Sequence[str]
    port: int
    socket: Path
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def doors(self) -> Mapping[int, Path]:
        """It, or nothing when no host is allowed."""
        return {self.port: self.socket} if self.hosts else {}

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that curl, git, pip, npm and the like heed."""
        if not self.hosts:
            return {}
        proxy, direct = f"http://127.0.0.1:{self.port}", "127.0.0.1,localhost,::1"
        pairs = {"http_proxy": proxy, "https_proxy": proxy, "all_proxy": proxy, "no_proxy": direct}
        return {**pairs, **{name.upper(): value for name, value in pairs.items()}, "NODE_USE_ENV_PROXY": "1"}

    def moved(self) -> tuple[int, int]:
        """Bytes received and sent so far."""
        return self.traffic.received, self.traffic.sent

    def listening(self, on_refused: Callable[[str], None]) -> AbstractAsyncContextManager[None]:
        """Serve it while the block runs. Only where some host is allowed."""
        rules = [parse_rule(text) for text in self.hosts]
        return EgressProxy(rules, on_refused, self.traffic).listening(self.socket)
