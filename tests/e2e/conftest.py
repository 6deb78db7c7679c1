"""Whole programs: servers as processes, on one of the two databases by turns, or on both where that is what is tested."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from muster.store.postgres_migrate import migrate_postgres
from tests.conftest import RUN
from tests.e2e.faulty import Desk
from tests.e2e.server import KillableServer

ON_BOTH = {"test_agents_under_fire", "test_kill_nine", "test_faults_of_time", "test_orphans"}
STORES = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The store is tested on both databases everywhere else; a journey through all layers runs on either."""
    if "database" not in metafunc.fixturenames:
        return
    either = zlib.crc32(metafunc.function.__name__.encode()) % len(STORES)
    both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH
    has_postgres = metafunc.config.stash[RUN].server is not None
    chosen = STORES if both else (STORES[either if has_postgres else 0],)
    metafunc.parametrize("database", chosen, indirect=True)


@pytest.fixture
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
