"""Several set-based writes as one PostgreSQL statement.

Each write is a common table expression. The parts of one statement see none of each other's
changes, so no table may be written by two of them. Counters come after the writes, and the head of the log after both: each
asks for the rows of those before it, which makes PostgreSQL run, and lock, in that order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from muster.store import tables
from muster.store.scope import EVENT_COLUMNS
from muster.store.statements import ManyRows, Row, array_types

_PARAMETER: Final = re.compile(r"\$(\d+)")
_LOG: Final = "log"


class Combination:
    """Writes to send together, with their parameters: one array for each column."""

    def __init__(self) -> None:
        self.writes: list[ManyRows] = []
        self.counted: list[ManyRows] = []
        self.logs = False
        self.params: list[Any] = []

    @property
    def empty(self) -> bool:
        return not self.params

    @property
    def shape(self) -> tuple[str, ...]:
        """What the statement's text depends on."""
        counted = [part.postgres for part in self.counted]
        return (*[part.postgres for part in self.writes], "|", *counted, _LOG if self.logs else "")

    def write(self, statement: ManyRows, rows: Sequence[Sequence[Any]]) -> None:
        """Add a write."""
        self.writes.append(statement)
        self.params.extend(zip(*rows, strict=True))

    def counters(self, statement: ManyRows, rows: Sequence[Sequence[Any]]) -> None:
        """Add an update of rows that everybody shares."""
        if rows:
            self.counted.append(statement)
            self.params.extend(zip(*rows, strict=True))

    def log(self, rows: Sequence[Row]) -> None:
        """Add facts, numbered from 1; the statement moves the head of the log and answers with it."""
        self.logs = True
        self.params.append(len(rows))
        self.params.extend(zip(*rows, strict=True))

    def text(self) -> str:
        """The statement."""
        parts: list[str] = []
        offset = 0
        for number, part in enumerate(self.writes, 1):
            parts.append(f"w{number} AS ({_shifted(part.postgres, offset)} RETURNING 1)")
            offset += part.width
        earlier = [f"w{number}" for number in range(1, len(self.writes) + 1)]
        for number, part in enumerate(self.counted, 1):
            parts.append(f"c{number} AS ({_shifted(part.postgres, offset)}{_after(earlier)} RETURNING 1)")
            offset += part.width
            earlier.append(f"c{number}")
        if not self.logs:
            return f"WITH {', '.join(parts)} SELECT 0"
        parts.extend(_log_parts(offset + 1, earlier))
        return f"WITH {', '.join(parts)} SELECT seq FROM head"


class StatementCache:
    """Texts of combinations by their shape."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, ...], str] = {}

    def text(self, combination: Combination) -> str:
        """The statement of a combination."""
        shape = combination.shape
        found = self._texts.get(shape)
        if found is None:
            found = self._texts[shape] = combination.text()
        return found


def _log_parts(count: int, earlier: Sequence[str]) -> list[str]:
    types = array_types(tables.events, EVENT_COLUMNS)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, count + 1))
    names = ", ".join(EVENT_COLUMNS)
    values = ", ".join(f"u.{name}" for name in EVENT_COLUMNS[1:])
    return [
        f"head AS (UPDATE log_head SET seq = seq + ${count}::bigint WHERE id = 1{_after(earlier)} RETURNING seq)",
        f"logged AS (INSERT INTO events ({names}) SELECT head.seq - ${count}::bigint + u.seq, {values} "
        f"FROM head, unnest({arrays}) AS u({names}))",
    ]


def _after(parts: Sequence[str]) -> str:
    return "".join(f" AND (SELECT count(*) FROM {part}) >= 0" for part in parts)


def _shifted(statement: str, offset: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + offset}", statement)
