"""Roles of agents: defining and removing them."""

from __future__ import annotations

from typing import Final

from muster.domain.errors import Conflict, NotFound
from muster.domain.events import RoleDeleted, RoleSet
from muster.domain.role import BUILT_IN, Role
from muster.store.codec import encode_role
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

_LOAD: Final = Statement("SELECT kind, description, doc FROM roles WHERE name = ?1 FOR UPDATE")
_KNOWN: Final = Statement("SELECT name FROM roles WHERE name IN_TEXTS(?1)")
_SET: Final = Statement(
    "INSERT INTO roles (name, kind, description, doc) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, description = excluded.description, doc = excluded.doc"
)
_DELETE: Final = Statement("DELETE FROM roles WHERE name = ?1")
_NAMES: Final = frozenset(role.name for role in BUILT_IN)


@command()
async def set_role(uow: UnitOfWork, role: Role) -> bool:
    """Define a role or change one; True when it is new. Attempts that run keep what they were told."""
    return await _put(uow, role)


async def _put(uow: UnitOfWork, role: Role) -> bool:
    await uow.exclusive("roles")
    known = await uow.rows(_LOAD, role.name)
    values = (role.kind, role.description, encode_role(role))
    if known and tuple(known[0]) == values:
        return False
    await uow.run(_SET, role.name, *values)
    uow.journal.fact(RoleSet(role.name, *values))
    return not known


async def seed_roles(uow: UnitOfWork) -> None:
    """Make the built-in roles that are missing, as part of another command. One that was changed stays changed."""
    there = {row[0] for row in await uow.rows(_KNOWN, sorted(_NAMES))}
    for role in BUILT_IN:
        if role.name not in there:
            await _put(uow, role)


@command()
async def delete_role(uow: UnitOfWork, name: str) -> None:
    """Remove a role of one's own. Tasks that name it fail with a clear word when they run."""
    if name in _NAMES:
        raise Conflict(problem=f"role {name} is built in; it can be changed", name=name)
    if not await uow.run(_DELETE, name):
        raise NotFound(noun="role", id=name[:60])
    uow.journal.fact(RoleDeleted(name))
