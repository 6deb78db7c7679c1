"""Preferences: writing them, without overwriting what another window wrote meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from muster.domain.errors import Conflict
from muster.domain.events import PreferencesSet
from muster.domain.preferences import Preferences, changed_names, check_preferences
from muster.store.codec import from_json, to_json
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

_LOAD: Final = Statement("SELECT version, doc, updated_at FROM preferences WHERE owner = ?1 FOR UPDATE")
_SET: Final = Statement(
    "INSERT INTO preferences (owner, version, doc, updated_at) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (owner) DO UPDATE SET version = excluded.version, doc = excluded.doc, updated_at = excluded.updated_at"
)


@command()
async def set_preferences(
    uow: UnitOfWork, owner: str, version: int, values: Mapping[str, Any]
) -> Preferences:
    """Put `values` in the place of all that the owner had at `version` (0: nothing yet); how they are then.
    Conflict when they have been changed since: whoever writes reads them anew and keeps what is there."""
    check_preferences(values)
    await uow.exclusive("preferences")
    rows = await uow.rows(_LOAD, owner)
    present = Preferences(rows[0][0], from_json(rows[0][1]), rows[0][2]) if rows else Preferences()
    changed = changed_names(present.values, values)
    if not changed:
        return present
    if present.version != version:
        raise Conflict(
            problem=f"the preferences are at version {present.version}, not {version}; read them anew",
            version=present.version,
        )
    await uow.run(_SET, owner, version + 1, to_json(dict(values)), uow.now)
    uow.journal.fact(PreferencesSet(owner, version + 1, changed))
    return Preferences(version + 1, values, uow.now)
