"""What an agent said and did in an attempt, entry by entry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, cast

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.domain.transcript_flow import Stored
from muster.domain.transcript_json import entry_of
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement

CHUNKS_AT_ONCE: Final = 4
MOST_LOOKED_AT: Final = 20_000
"""Entries that one call looks through for those that were asked for."""


@dataclass(slots=True)
class KeptEntry:
    """An entry as it is kept: a JSON object whose `kind` says which. `at` is when it arrived (microseconds)."""

    position: int
    at: int
    document: dict[str, Any]


@dataclass(slots=True)
class Conversation:
    """Entries of an attempt. `next` is the position to go on from; `total` how many there are so far; `ended`: the
    attempt is over."""

    entries: list[KeptEntry]
    next: int
    total: int
    ended: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Which entries are wanted. None and "": all of them."""

    kinds: frozenset[str] | None = None
    search: str = ""

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.kinds is None and not self.search

    def takes(self, document: dict[str, Any]) -> bool:
        """Whether this one is wanted."""
        if self.kinds is not None and document.get("kind") not in self.kinds:
            return False
        return not self.search or _holds(document | {"kind": None}, self.search.casefold())


def _holds(value: Any, text: str) -> bool:
    match value:
        case str():
            return text in value.casefold()
        case dict():
            return any(_holds(part, text) for part in cast(dict[str, Any], value).values())
        case list():
            return any(_holds(part, text) for part in cast(list[Any], value))
        case _:
            return False


_LENGTH: Final = Statement(
    "SELECT coalesce(r.entries, 0), a.state FROM attempts a LEFT JOIN runs r ON r.attempt_id = a.id WHERE a.id = ?1"
)
_CHUNKS: Final = Statement(
    "SELECT position, entries, at, data FROM transcript_chunks WHERE attempt_id = ?1 AND position >= "
    "(SELECT coalesce(max(position), 0) FROM transcript_chunks WHERE attempt_id = ?1 AND position <= ?2) "
    "ORDER BY position LIMIT ?3"
)


async def conversation_of(
    reader: Reader, attempt_id: int, choice: Choice, *, after: int = 0, limit: int = 200
) -> Conversation:
    """Up to `limit` wanted entries from position `after` on. NotFound for an unknown attempt."""
    rows = await reader.rows(_LENGTH, attempt_id)
    if not rows:
        raise NotFound(noun="attempt", id=ids.encode(ids.ATTEMPT, attempt_id))
    total, state = rows[0]
    wanted: list[KeptEntry] = []
    position, last = after, min(after + MOST_LOOKED_AT, total)
    while position < last and len(wanted) < limit:
        chunks = await reader.rows(_CHUNKS, attempt_id, position, CHUNKS_AT_ONCE)
        before = position
        for chunk in chunks:
            position = _choose(chunk, choice, position, limit, wanted)
            await asyncio.sleep(0)
        if position == before:
            break
    return Conversation(wanted, position, max(total, position), state != "running")


def _choose(chunk: Row, choice: Choice, position: int, limit: int, wanted: list[KeptEntry]) -> int:
    """Take up wanted entries of a chunk from `position` on; where to go on."""
    for entry in _entries(chunk):
        if entry.position < position or len(wanted) >= limit:
            continue
        position = entry.position + 1
        if choice.takes(entry.document):
            wanted.append(entry)
    return position


def _entries(chunk: Row) -> list[KeptEntry]:
    position, _, at, data = chunk
    return [KeptEntry(position + offset, at, document) for offset, document in enumerate(from_json(data))]


async def transcript_of(reader: Reader, attempt_id: int, holding: str = "") -> AsyncIterator[list[Stored]]:
    """All entries of an attempt, some at a time. With `holding` only chunks whose text has that in it are read."""
    position = 0
    while chunks := await reader.rows(_CHUNKS, attempt_id, position, CHUNKS_AT_ONCE):
        fresh = [chunk for chunk in chunks if chunk[0] >= position]
        if not fresh:
            return
        for chunk in fresh:
            if holding in chunk[3]:
                yield [
                    Stored(entry.position, entry.at, entry_of(entry.document)) for entry in _entries(chunk)
                ]
                await asyncio.sleep(0)
        position = fresh[-1][0] + fresh[-1][1]


async def whole_transcript(reader: Reader, attempt_id: int, holding: str = "") -> list[Stored]:
    """All entries of an attempt, or of those chunks whose text has `holding` in it."""
    return [entry async for part in transcript_of(reader, attempt_id, holding) for entry in part]
