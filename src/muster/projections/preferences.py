"""What somebody set for themselves."""

from __future__ import annotations

from typing import Final

from muster.domain.preferences import Preferences
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Statement

_ONE: Final = Statement("SELECT version, doc, updated_at FROM preferences WHERE owner = ?1")


async def get_preferences(reader: Reader, owner: str) -> Preferences:
    """All of an owner's preferences; none yet is version 0."""
    rows = await reader.rows(_ONE, owner)
    return Preferences(rows[0][0], from_json(rows[0][1]), rows[0][2]) if rows else Preferences()
