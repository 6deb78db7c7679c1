"""What a worker is told by whoever starts it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from muster.client.wire import QueueMode
from muster.sandboxes.sandbox import MB, Limits

SCRIPT_KINDS: Final = ("bash", "python", "command")
AGENT_KINDS: Final = ("prompt", "llm")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """Who the worker is, what it takes and how it runs it. Seconds and bytes."""

    worker_id: str
    agent_id: str
    state_dir: Path
    """Its own folder for attempts; what a crash leaves here is removed at the next start."""
    capacity: int = 1
    agent_name: str | None = None
    host: str | None = None
    version: str | None = None
    modes: Sequence[QueueMode] = ("auto",)
    queues: Sequence[str] | None = None
    projects: Sequence[str] | None = None
    kinds: Sequence[str] = SCRIPT_KINDS
    capabilities: Sequence[str] = ()
    python: str = sys.executable
    readable: Sequence[Path] = ()
    """Folders every sandbox can read, beside the system and the interpreter."""
    hidden: Sequence[Path] = ()
    """Folders no sandbox sees, such as the data folder."""
    script_dirs: Sequence[Path] = ()
    limits: Limits = field(default_factory=Limits)
    output_limit_bytes: int = 4 * MB
    claim_wait_seconds: float = 30.0
    heartbeat_seconds: float = 20.0
    drain_seconds: float = 30.0
    """How long running attempts may go on when the worker is to end."""
    grace_seconds: float = 1.0


def interpreter_folders(python: str) -> tuple[Path, ...]:
    """Folders outside /usr that the running interpreter needs, if `python` is it."""
    if Path(python) != Path(sys.executable):
        return ()
    named = (Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent)
    found = {path for folder in named for path in (folder, folder.resolve())}
    return tuple(sorted(path for path in found if not path.is_relative_to("/usr") and path != Path("/")))
