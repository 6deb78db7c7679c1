"""Model providers that fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.store.database import Reader
from muster.store.statements import Statement


@dataclass(slots=True)
class CircuitRow:
    """A provider whose calls failed in a row. Times are microseconds; `until` None: one task at a time tries it."""

    name: str
    state: str
    failures: int
    until: int | None
    agents: list[str]
    message: str
    updated_at: int


_OPEN: Final = Statement(
    "SELECT name, state, failures, until, agents, message, updated_at FROM circuits WHERE state <> 'closed' ORDER BY name"
)


async def failing_providers(reader: Reader) -> list[CircuitRow]:
    """The providers whose breaker is not closed, by name."""
    return [
        CircuitRow(row[0], row[1], row[2], row[3], row[4].split(","), row[5], row[6])
        for row in await reader.rows(_OPEN)
    ]
