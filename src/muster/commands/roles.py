"""Roles of agents: defining, restoring and removing them. What was once said of one stays as a version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain.errors import Conflict, NotFound
from muster.domain.events import RoleDeleted, RoleSet
from muster.domain.role import BUILT_IN, Role
from muster.domain.role_versions import SHIPPED, RoleMoved
from muster.store.codec import decode_role, encode_role
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

_LOAD: Final = Statement("SELECT kind, description, doc FROM roles WHERE name = ?1 FOR UPDATE")
_LAST: Final = Statement(
    "SELECT version, created_by FROM role_versions WHERE name = ?1 ORDER BY version DESC LIMIT 1"
)
_VERSION: Final = Statement(
    "SELECT kind, description, doc FROM role_versions WHERE name = ?1 AND version = ?2"
)
_KNOWN: Final = Statement("SELECT name FROM roles WHERE name IN_TEXTS(?1)")
_SET: Final = Statement(
    "INSERT INTO roles (name, kind, description, doc, version) VALUES (?1, ?2, ?3, ?4, ?5) "
    "ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, description = excluded.description, doc = excluded.doc, "
    "version = excluded.version"
)
_KEEP: Final = Statement(
    "INSERT INTO role_versions (name, kind, description, doc, version, created_at, created_by, restored) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
)
_DELETE: Final = Statement("DELETE FROM roles WHERE name = ?1")
_NAMES: Final = frozenset(role.name for role in BUILT_IN)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEdit:
    """Who edits a role (as far as they say), and the version they made it of: 0: there was none, None: whichever."""

    by: str = ""
    if_version: int | None = None
    restored: int | None = None


@command()
async def set_role(uow: UnitOfWork, role: Role, edit: RoleEdit = RoleEdit()) -> bool:
    """Define a role or change one, which makes a version; True when it is new. Without a change nothing is made.

    Attempts that run keep what they were told. RoleMoved when the role is at another version than the edit was made of.
    """
    return await _put(uow, role, edit)


@command()
async def restore_role(uow: UnitOfWork, name: str, version: int, edit: RoleEdit = RoleEdit()) -> bool:
    """Make the role what an older version says, as a new version; True when it had been removed. NotFound, RoleMoved."""
    rows = await uow.rows(_VERSION, name, version)
    if not rows:
        raise NotFound(noun=f"version {version} of role", id=name[:60])
    return await _put(
        uow, decode_role(name, *rows[0]), RoleEdit(by=edit.by, if_version=edit.if_version, restored=version)
    )


async def _put(uow: UnitOfWork, role: Role, edit: RoleEdit) -> bool:
    await uow.exclusive("roles")
    known = await uow.rows(_LOAD, role.name)
    values = (role.kind, role.description, encode_role(role))
    if known and tuple(known[0]) == values:
        return False
    rows = await uow.rows(_LAST, role.name)
    last, by = rows[0] if rows else (0, None)
    present = last if known else 0
    if edit.if_version not in (None, present):
        who = by or "somebody who gave no name"
        raise RoleMoved(name=role.name, version=present, by=who, if_version=edit.if_version)
    await uow.run(_SET, role.name, *values, last + 1)
    await uow.run(_KEEP, role.name, *values, last + 1, uow.now, edit.by or None, edit.restored)
    uow.journal.fact(RoleSet(role.name, *values, last + 1, edit.by, edit.restored))
    return not known


async def seed_roles(uow: UnitOfWork) -> None:
    """Make the built-in roles that are missing, as part of another command. One that was changed stays changed."""
    there = {row[0] for row in await uow.rows(_KNOWN, sorted(_NAMES))}
    for role in BUILT_IN:
        if role.name not in there:
            await _put(uow, role, RoleEdit(by=SHIPPED))


@command()
async def delete_role(uow: UnitOfWork, name: str) -> None:
    """Remove a role of one's own. Tasks that name it fail with a clear word when they run; its versions stay."""
    if name in _NAMES:
        raise Conflict(problem=f"role {name} is built in; it can be changed", name=name)
    if not await uow.run(_DELETE, name):
        raise NotFound(noun="role", id=name[:60])
    uow.journal.fact(RoleDeleted(name))
