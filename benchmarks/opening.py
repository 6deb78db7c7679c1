"""Opens muster's own store for a bench, migrated and empty, and makes a project with money and a queue in it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from muster.store.database import Store

CAPITAL_MICROS = 1_000_000_000_000


def clock() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


async def open_new(where: str | Path, durability: str) -> Store:
    """A new database at a path or a PostgreSQL URL, migrated."""
    from muster.store.database import Durability
    from muster.store.open import open_store

    return await open_store(where, durability=Durability(durability), clock=clock, migrate=True)


async def make_place(store: Store) -> tuple[int, int]:
    """Ids of a project with a hard budget that suffices, and of an external queue."""
    from muster.store.statements import Statement
    from muster.store.unit_of_work import UnitOfWork, command

    @command()
    async def make(uow: UnitOfWork) -> tuple[int, int]:
        project, queue = uow.new_id(), uow.new_id()
        await uow.run(
            Statement(
                "INSERT INTO projects (id, name, allocated, created_at, updated_at) VALUES (?1, 'bench', ?2, ?3, ?4)"
            ),
            project,
            CAPITAL_MICROS,
            uow.now,
            uow.now,
        )
        await uow.run(
            Statement(
                "INSERT INTO queues (id, name, mode, created_at, updated_at) VALUES (?1, 'bench', 'external', ?2, ?3)"
            ),
            queue,
            uow.now,
            uow.now,
        )
        return project, queue

    return await store.execute(make())
