"""Work sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.projections.page import LAST_ID, Key, Page, page_of_fitting
from muster.store.database import Reader
from muster.store.statements import Statement


@dataclass(slots=True)
class SessionRow:
    """A session; its tasks are found by a list of tasks. Times are microseconds."""

    id: int
    name: str
    context: str
    status: str
    project_id: int | None
    created_at: int
    updated_at: int
    ended_at: int | None


_COLUMNS: Final = "id, name, context, status, project_id, created_at, updated_at, ended_at"
_LIST: Final = Statement(f"SELECT {_COLUMNS} FROM sessions WHERE id < ?1 ORDER BY id DESC LIMIT ?2")
_ONE: Final = Statement(f"SELECT {_COLUMNS} FROM sessions WHERE id = ?1")


async def list_sessions(
    reader: Reader,
    *,
    status: str | None = None,
    project_id: int | None = None,
    after: Key | None = None,
    limit: int = 50,
) -> Page[SessionRow]:
    """Sessions, newest first; the page's key is (id,)."""

    async def fetch(behind: Key | None, count: int) -> list[SessionRow]:
        rows = await reader.rows(_LIST, int(behind[0]) if behind else LAST_ID, count)
        return [SessionRow(*row) for row in rows]

    def fits(row: SessionRow) -> bool:
        return (status is None or row.status == status) and (
            project_id is None or row.project_id == project_id
        )

    return await page_of_fitting(fetch, fits, lambda row: (row.id,), after, limit)


async def get_session(reader: Reader, session_id: int) -> SessionRow:
    """One session; NotFound when there is none."""
    rows = await reader.rows(_ONE, session_id)
    if not rows:
        raise NotFound(noun="session", id=ids.encode(ids.SESSION, session_id))
    return SessionRow(*rows[0])
