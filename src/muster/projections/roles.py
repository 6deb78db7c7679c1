"""Roles of agents, as they are and as they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain.errors import NotFound
from muster.domain.role import Role
from muster.domain.role_versions import RoleVersion, changed_fields, words_of
from muster.projections.page import LAST_ID, Key, Page, page_of
from muster.store.codec import decode_role
from muster.store.database import Reader
from muster.store.statements import Row, Statement

_COLUMNS: Final = "v.name, v.kind, v.description, v.doc, v.version, v.created_at, v.created_by, v.restored"
_NOW: Final = (
    f"SELECT {_COLUMNS} FROM roles r JOIN role_versions v ON v.name = r.name AND v.version = r.version"
)
_ALL: Final = Statement(f"{_NOW} ORDER BY r.name")
_ONE: Final = Statement(f"{_NOW} WHERE r.name = ?1")
_VERSION: Final = Statement(f"SELECT {_COLUMNS} FROM role_versions v WHERE v.name = ?1 AND v.version = ?2")
_VERSIONS: Final = Statement(
    f"SELECT {_COLUMNS}, r.version FROM role_versions v LEFT JOIN roles r ON r.name = v.name "
    "WHERE v.name = ?1 AND v.version < ?2 ORDER BY v.version DESC LIMIT ?3"
)


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """A version, and what it made other than the one before."""

    version: RoleVersion
    changed: tuple[str, ...]
    words: str
    current: bool


async def list_roles(reader: Reader) -> list[RoleVersion]:
    """All roles by name, each at its newest version."""
    return [_version(row) for row in await reader.rows(_ALL)]


async def get_role(reader: Reader, name: str) -> RoleVersion:
    """One role at its newest version; NotFound when there is none."""
    rows = await reader.rows(_ONE, name)
    if not rows:
        raise NotFound(noun="role", id=name[:60])
    return _version(rows[0])


async def get_version(reader: Reader, name: str, number: int) -> RoleVersion:
    """A version of a role, also of one that was removed; NotFound."""
    rows = await reader.rows(_VERSION, name, number)
    if not rows:
        raise NotFound(noun=f"version {number} of role", id=name[:60])
    return _version(rows[0])


async def list_versions(
    reader: Reader, name: str, *, after: Key | None = None, limit: int = 50
) -> Page[ListedVersion]:
    """Versions of a role, newest first, also of one that was removed; the page's key is (number,). NotFound for a role
    that never was."""
    rows = await reader.rows(_VERSIONS, name, after[0] if after else LAST_ID, limit + 1)
    if not rows and not await reader.rows(_VERSIONS, name, LAST_ID, 1):
        raise NotFound(noun="role", id=name[:60])
    found = [_version(row) for row in rows]
    before: list[Role | None] = [*(version.role for version in found[1:]), None]
    now = rows[0][8] if rows else None
    listed = [_listed(version, was, now) for version, was in zip(found, before, strict=True)]
    return page_of(listed, limit, (found[limit - 1].number,) if len(found) > limit else None)


def _listed(version: RoleVersion, before: Role | None, now: int | None) -> ListedVersion:
    changed = () if before is None else changed_fields(before, version.role)
    return ListedVersion(version, changed, words_of(version, before), version.number == now)


def _version(row: Row) -> RoleVersion:
    return RoleVersion(role=decode_role(*row[:4]), number=row[4], at=row[5], by=row[6] or "", restored=row[7])
