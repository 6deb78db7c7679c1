"""Roles of agents."""

from __future__ import annotations

from typing import Final

from muster.domain.errors import NotFound
from muster.domain.role import Role
from muster.store.codec import decode_role
from muster.store.database import Reader
from muster.store.statements import Statement

_ALL: Final = Statement("SELECT name, kind, description, doc FROM roles ORDER BY name")
_ONE: Final = Statement("SELECT name, kind, description, doc FROM roles WHERE name = ?1")


async def list_roles(reader: Reader) -> list[Role]:
    """All roles by name."""
    return [decode_role(*row) for row in await reader.rows(_ALL)]


async def get_role(reader: Reader, name: str) -> Role:
    """One role; NotFound when there is none."""
    rows = await reader.rows(_ONE, name)
    if not rows:
        raise NotFound(noun="role", id=name[:60])
    return decode_role(*rows[0])
