"""Ids as people type them: whole, or any part that only one recent task has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, cast

from muster.cli.connection import Connection, path
from muster.domain.errors import Conflict, InvalidInput, NotFound

_WHOLE: Final = re.compile(r"^tsk_[0-9a-hjkmnp-tv-z]{13}$")
_RECENT: Final = 200


class AmbiguousId(Conflict):
    """{part} is part of several recent tasks: {candidates}. Give more of the id."""

    code = "ambiguous_id"


def full_ids(connection: Connection, parts: Sequence[str]) -> list[str]:
    """Each part as the id of a task; NotFound or AmbiguousId when it is no part of exactly one recent task."""
    if all(_WHOLE.match(part) for part in parts):
        return list(parts)
    page = connection.get(path("tasks"), limit=_RECENT)
    known = [str(item["id"]) for item in cast(list[dict[str, Any]], page["items"])]
    return [part if _WHOLE.match(part) else match_part(part, known) for part in parts]


def full_id(connection: Connection, part: str) -> str:
    """One part as the id of a task."""
    return full_ids(connection, [part])[0]


def match_part(part: str, known: Sequence[str]) -> str:
    """The one id of `known` that holds `part`."""
    if len(part.removeprefix("tsk_")) < 3:
        raise InvalidInput(
            field="id", problem=f"{part!r} is too short; give at least three characters of the id"
        )
    found = [item for item in known if part in item]
    if not found:
        raise NotFound(
            f"No recent task has {part} in its id; 'muster tasks' lists them.", noun="task", id=part
        )
    ends = [item for item in found if item.endswith(part)]
    if len(found) > 1 and len(ends) != 1:
        raise AmbiguousId(part=part, candidates=", ".join(found[:5]))
    return (ends if len(ends) == 1 else found)[0]
