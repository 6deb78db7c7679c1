"""Sandboxes that are open now, as their workers report them. Presence, not history: nothing of it is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.store import tables
from muster.store.codec import from_json, to_json
from muster.store.statements import Statement, insert
from muster.store.unit_of_work import UnitOfWork, command

SERIES: Final = 60
"""Samples kept of each: two minutes at one in two seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSandbox:
    """One of them. A sample is [milliseconds, processor seconds, resident bytes, processes, bytes on disk, bytes received,
    bytes sent]; the last two are None where nothing counts them."""

    name: str
    attempt_id: int | None
    level: str
    state: str
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    samples: Sequence[Sequence[float | None]] = ()


_OF_WORKER: Final = Statement("SELECT id, doc, created_at FROM sandboxes WHERE worker_id = ?1")
_RECORD: Final = insert(
    tables.sandboxes,
    ["id", "worker_id", "attempt_id", "level", "state", "doc", "created_at", "seen_at"],
    suffix="ON CONFLICT (id) DO UPDATE SET worker_id = excluded.worker_id, state = excluded.state, "
    "doc = excluded.doc, seen_at = excluded.seen_at",
)
_CLOSED: Final = Statement("DELETE FROM sandboxes WHERE id = ?1")
_FORGET: Final = Statement("DELETE FROM sandboxes WHERE seen_at < ?1")


@command(durable=False)
async def record_sandboxes(uow: UnitOfWork, worker_id: str, reports: Sequence[OpenSandbox]) -> None:
    """Write down which sandboxes a worker has open; those it does not name any more are closed."""
    known = {row[0]: row for row in await uow.rows(_OF_WORKER, worker_id)}
    rows: list[tuple[Any, ...]] = []
    for report in {report.name: report for report in reports}.values():
        _, doc, created = known.pop(report.name, (None, None, uow.now))
        rows.append(
            (
                report.name,
                worker_id,
                report.attempt_id,
                report.level,
                report.state,
                to_json(_doc(report, doc)),
                created,
                uow.now,
            )
        )
    await uow.run_many(_RECORD, rows)
    for name in known:
        await uow.run(_CLOSED, name)


def _doc(report: OpenSandbox, before: str | None) -> dict[str, Any]:
    series: list[Any] = [] if before is None else from_json(before).get("samples", [])
    last = series[-1][0] if series else -1
    series += [list(sample) for sample in report.samples if (sample[0] or 0) > last]
    return {"limits": dict(report.limits), "samples": series[-SERIES:]}


@command(durable=False)
async def forget_sandboxes(uow: UnitOfWork, seen_before: int) -> int:
    """Remove those of workers not heard of since a time (microseconds); how many."""
    return await uow.run(_FORGET, seen_before)
