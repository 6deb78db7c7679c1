"""Sealing the log."""

from __future__ import annotations

from muster.store.seals import EVENTS_AFTER, LAST_SEAL, NEW_SEAL, NEWEST, NOTE_NEWEST, Seal, next_seal
from muster.store.unit_of_work import UnitOfWork, command


@command(durable=False)
async def seal_next_block(uow: UnitOfWork, max_events: int = 4096) -> int:
    """Seal up to `max_events` events that are not sealed yet; returns how many. LogDamaged at a gap.

    Not durable: a seal that a power loss takes is made again.
    """
    await uow.exclusive("seals")
    found = await uow.rows(LAST_SEAL)
    last = Seal(*found[0]) if found else None
    events = await uow.rows(EVENTS_AFTER, 0 if last is None else last.last_seq, max_events)
    if not events:
        return 0
    seal = next_seal(last, events, uow.now)
    await uow.run_many(NEW_SEAL, [seal.row])
    await uow.run_many(NOTE_NEWEST, [(NEWEST, seal.note)])
    return len(events)
