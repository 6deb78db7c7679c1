"""Whole programs: servers as processes, on each database in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from muster.store.postgres_migrate import migrate_postgres
from tests.e2e.faulty import Desk
from tests.e2e.server import KillableServer


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the server's database is: a path or a URL."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_template")(migrate_postgres)
        return url
    return str(tmp_path / "muster.db")


@pytest.fixture
async def server(tmp_path: Path, database: str) -> AsyncIterator[KillableServer]:
    """A server without a worker of its own; not started yet."""
    made = KillableServer(tmp_path, database)
    yield made
    if made.process is not None:
        made.kill()


@pytest.fixture
async def desk_at() -> AsyncIterator[Callable[[KillableServer], Desk]]:
    """Call it with a server for a client's desk there; closed after the test."""
    opened: list[Desk] = []

    def desk(at: KillableServer) -> Desk:
        opened.append(Desk(at))
        return opened[-1]

    yield desk
    for one in opened:
        await one.client.close()
