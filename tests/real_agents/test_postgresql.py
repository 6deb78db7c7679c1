"""One real agent on PostgreSQL: the same books, the same branch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from muster.store.postgres_migrate import migrate_postgres
from tests.real_agents.bench import PROGRAMS, Fleet, Models, git, start_server
from tests.real_agents.ledger import assert_books_agree


async def test_a_real_agent_is_metered_on_postgresql_too(
    programs: Path, tmp_path: Path, postgres_template: Callable[[Any], str]
) -> None:
    """SA-4a, SW-9"""
    models = Models.start(tmp_path)
    server = start_server(tmp_path, postgres_template(migrate_postgres), programs, models)
    await server.start()
    fleet = Fleet(server, models)
    try:
        repository = fleet.repository("work")
        ident = await fleet.submit(PROGRAMS["codex"], repository, "[[run:pg]] [[scenario:edit]]")
        task = await fleet.ended(ident)
        assert task["state"] == "succeeded", await fleet.attempts(ident)
        assert "hello, fleet" in git(repository, "show", f"muster/{ident}:hello.py")
        assert len(await assert_books_agree(fleet, ident, "pg")) == 4
    finally:
        await fleet.close()
        server.stop()
        models.stop()
