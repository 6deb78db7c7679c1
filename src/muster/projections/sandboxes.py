"""Sandboxes that are open now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from muster.domain.task import TaskSpec
from muster.store.codec import decode_spec, from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement

Network = Literal["none", "hosts", "open"]
LIVE_US: Final = 90_000_000
"""A worker reports at least every 20 s; one that did not for so long has lost them."""


@dataclass(slots=True)
class SandboxRow:
    """A sandbox. Times are microseconds.

    A sample is [milliseconds, processor seconds, resident bytes, processes, bytes on disk, bytes received, bytes sent]; of the
    last two either is None, or not there at all, where nothing counted them.
    """

    id: str
    worker_id: str
    host: str | None
    attempt_id: int | None
    task_id: int | None
    title: str | None
    agent: str | None
    level: str
    state: str
    created_at: int
    seen_at: int
    limits: dict[str, float]
    samples: list[list[Any]]
    network: Network = "none"
    """open: everything. hosts: those of `allow_hosts`. Models are reached through the gateway in any case."""
    allow_hosts: Sequence[str] = ()


_COLUMNS: Final = (
    "s.id, s.worker_id, w.host, s.attempt_id, t.id, p.title, r.agent, "
    "s.level, s.state, s.created_at, s.seen_at, s.doc, p.doc"
)
_FROM: Final = (
    "FROM sandboxes s LEFT JOIN workers w ON w.id = s.worker_id LEFT JOIN attempts a ON a.id = s.attempt_id "
    "LEFT JOIN tasks t ON t.id = a.task_id LEFT JOIN task_specs p ON p.id = t.id LEFT JOIN runs r ON r.attempt_id = s.attempt_id "
)
_LIVE: Final = Statement(f"SELECT {_COLUMNS} {_FROM} WHERE s.seen_at > ?1 ORDER BY s.id LIMIT 2000")
_ONE: Final = Statement(f"SELECT {_COLUMNS} {_FROM} WHERE s.id = ?1 AND s.seen_at > ?2")


async def live_sandboxes(reader: Reader, now: int) -> list[SandboxRow]:
    """The sandboxes that are open at `now` (microseconds), by id; at most 2,000."""
    return [_sandbox(row) for row in await reader.rows(_LIVE, now - LIVE_US)]


async def find_sandbox(reader: Reader, now: int, sandbox_id: str) -> SandboxRow | None:
    """One of them."""
    rows = await reader.rows(_ONE, sandbox_id, now - LIVE_US)
    return _sandbox(rows[0]) if rows else None


def _sandbox(row: Row) -> SandboxRow:
    doc: dict[str, Any] = from_json(row[11])
    network, hosts = ("none", ()) if row[12] is None else network_of(decode_spec(row[12]))
    return SandboxRow(
        *row[:11],
        limits=doc.get("limits", {}),
        samples=doc.get("samples", []),
        network=network,
        allow_hosts=hosts,
    )


def network_of(spec: TaskSpec) -> tuple[Network, Sequence[str]]:
    """What a task's sandbox may reach."""
    hosts = spec.payload.get("allow_hosts") or ()
    return ("hosts", hosts) if hosts else ("open" if spec.network else "none", ())
