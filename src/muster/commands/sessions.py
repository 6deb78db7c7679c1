"""Work sessions: beginning, changing and ending them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from muster.domain import ids
from muster.domain.checks import check_fields
from muster.domain.errors import NotFound, WrongState
from muster.domain.events import SessionCreated, SessionEdited
from muster.domain.session import ENDED, Session
from muster.store import tables
from muster.store.statements import Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, command

FIELDS: Final = tuple(field.name for field in fields(Session))

_INSERT: Final = insert(tables.sessions, ["id", *FIELDS, "created_at", "updated_at"])
_UPDATE: Final = update(tables.sessions, ["id"], [*FIELDS, "updated_at"])
_LOAD: Final = Statement(f"SELECT status, {', '.join(FIELDS)} FROM sessions WHERE id = ?1 FOR UPDATE")
_PROJECT: Final = Statement("SELECT id FROM projects WHERE id = ?1")
_END: Final = Statement("UPDATE sessions SET status = 'ended', ended_at = ?2, updated_at = ?2 WHERE id = ?1")


def _public(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: ids.encode(ids.PROJECT, value) if name == "project_id" and value is not None else value
        for name, value in values.items()
    }


async def _load(uow: UnitOfWork, session_id: int) -> tuple[Session, str]:
    rows = await uow.rows(_LOAD, session_id)
    if not rows:
        raise NotFound(noun="session", id=ids.encode(ids.SESSION, session_id))
    return Session(**dict(zip(FIELDS, rows[0][1:], strict=True))), rows[0][0]


async def _check_project(uow: UnitOfWork, project_id: int | None) -> None:
    if project_id is not None and not await uow.rows(_PROJECT, project_id):
        raise NotFound(noun="project", id=ids.encode(ids.PROJECT, project_id))


@command()
async def create_session(uow: UnitOfWork, session: Session) -> int:
    """Begin a work session; its id. NotFound for an unknown project."""
    await _check_project(uow, session.project_id)
    session_id = uow.new_id()
    values = asdict(session)
    await uow.run_many(_INSERT, [(session_id, *values.values(), uow.now, uow.now)])
    uow.journal.fact(
        SessionCreated(ids.encode(ids.SESSION, session_id), _public(values)), project=session.project_id
    )
    return session_id


@command()
async def edit_session(uow: UnitOfWork, session_id: int, changes: Mapping[str, Any]) -> None:
    """Change fields of a session, named as in Session; all of them or none. An ended one stays as it is."""
    check_fields(changes, FIELDS)
    old, status = await _load(uow, session_id)
    new = replace(old, **changes)
    changed = {name: getattr(new, name) for name in FIELDS if getattr(new, name) != getattr(old, name)}
    if not changed:
        return
    public = ids.encode(ids.SESSION, session_id)
    if status == ENDED:
        raise WrongState(noun="session", id=public, state=status, wanted="only active ones can be changed")
    await _check_project(uow, changed.get("project_id"))
    await uow.run_many(_UPDATE, [(session_id, *asdict(new).values(), uow.now)])
    uow.journal.fact(SessionEdited(public, _public(changed)), project=new.project_id)


@command()
async def end_session(uow: UnitOfWork, session_id: int) -> bool:
    """End a session: it takes no more tasks, those it has go on. False when it had ended."""
    session, status = await _load(uow, session_id)
    if status == ENDED:
        return False
    await uow.run(_END, session_id, uow.now)
    uow.journal.fact(
        SessionEdited(ids.encode(ids.SESSION, session_id), {"status": ENDED, "ended_at": uow.now}),
        project=session.project_id,
    )
    return True
