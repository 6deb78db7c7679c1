"""Bringing a PostgreSQL database to the schema of this version."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it ships none

from muster.domain.errors import DatabaseTooOld
from muster.store.migrate import behind, stamp, upgrade, with_config
from muster.store.postgres_connection import WRITER_SETTINGS, connect
from muster.store.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS_LOCK: Final = 0x6D7573746572


async def postgres_version(url: str) -> str | None:
    """The schema a PostgreSQL database has; None when it has none."""
    connection = await connect(url, "muster schema", WRITER_SETTINGS)
    try:
        version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return version


async def migrate_postgres(url: str) -> bool:
    """Bring a PostgreSQL database to this version's schema; whether there was anything to do.

    Servers that start together wait for the one that migrates.
    """
    if not behind(await postgres_version(url)):
        return False
    await _on_postgres(url, upgrade)
    return True


async def stamp_postgres(url: str, version: str) -> None:
    """Write down that a database has the schema `version`, without changing the schema."""
    await _on_postgres(url, lambda config: stamp(config, version))


async def _on_postgres(url: str, work: Callable[[Config], None]) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415 - slow to import, rarely needed
    from sqlalchemy.pool import NullPool  # noqa: PLC0415 - as above

    async def opened() -> Any:
        return await connect(url, "muster schema", {})

    engine = create_async_engine("postgresql+asyncpg://", async_creator=opened, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATIONS_LOCK})")
            await connection.run_sync(with_config, work)
    finally:
        await engine.dispose()


async def require_current_postgres(url: str) -> None:
    """Refuse a PostgreSQL database whose schema is not this version's, and say what to run."""
    found = await postgres_version(url)
    if behind(found):
        raise DatabaseTooOld(found=found or "none", wanted=SCHEMA_VERSION)
