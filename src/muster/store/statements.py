"""Hand-written statements, one text for both databases.

Parameters are `?1`, `?2`, ...; `IN_INTS(?1)` and `IN_TEXTS(?1)` take a list. `Insert` and
`Update` are the set-based writes: many rows in one call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import BigInteger, Table

from muster.store.tables import metadata

type_of: Final = {True: "bigint", False: "text"}
_PARAMETER: Final = re.compile(r"\?(\d+)")
_LIST: Final = re.compile(r"IN_(INTS|TEXTS)\(\?(\d+)\)")
_LOCKING: Final = re.compile(r" FOR (UPDATE|KEY SHARE)( OF \w+)?( SKIP LOCKED)?")
_WORD: Final = re.compile(r"\w+")
_TABLES: Final = frozenset(metadata.tables)

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Statement:
    """One statement in the common dialect, with its text for each database."""

    text: str
    sqlite: str = field(init=False)
    postgres: str = field(init=False)
    touches: frozenset[str] = field(init=False)
    """Names of the tables it may read or write."""
    counters: bool = field(init=False)
    """Whether it may see what `UnitOfWork.flush` writes."""

    def __post_init__(self) -> None:
        words = frozenset(_WORD.findall(self.text))
        money = "projects" in words and not words.isdisjoint(("reserved", "spent"))
        object.__setattr__(self, "touches", words & _TABLES)
        object.__setattr__(self, "counters", money or "lanes" in words)
        listed = _LIST.sub(r"IN (SELECT value FROM json_each(?\2))", self.text)
        object.__setattr__(self, "sqlite", _LOCKING.sub("", listed))
        arrays = _LIST.sub(lambda m: f"= ANY(?{m[2]}::{'bigint' if m[1] == 'INTS' else 'text'}[])", self.text)
        object.__setattr__(self, "postgres", _PARAMETER.sub(r"$\1", arrays))


def for_each(sqlite: str, postgres: str) -> Statement:
    """A statement the databases know in different words only; both take the same parameters."""
    statement = Statement(sqlite)
    object.__setattr__(statement, "postgres", Statement(postgres).postgres)
    return statement


@dataclass(frozen=True)
class ManyRows:
    """A write of many rows: executemany on SQLite, one statement over arrays on PostgreSQL."""

    sqlite: str
    postgres: str
    width: int
    touches: frozenset[str]


def array_types(table: Table, columns: Sequence[str]) -> list[str]:
    """PostgreSQL's types of the columns' values."""
    return [type_of[isinstance(table.c[name].type, BigInteger)] for name in columns]


def insert(table: Table, columns: Sequence[str], *, suffix: str = "") -> ManyRows:
    """Insert rows given as tuples in the order of `columns`; `suffix` is an ON CONFLICT clause."""
    names = ", ".join(columns)
    marks = ", ".join(f"?{n}" for n in range(1, len(columns) + 1))
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(array_types(table, columns), 1))
    return ManyRows(
        sqlite=f"INSERT INTO {table.name} ({names}) VALUES ({marks}) {suffix}",
        postgres=f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) {suffix}",
        width=len(columns),
        touches=frozenset([table.name]),
    )


def update(table: Table, key: Sequence[str], assignments: Sequence[str], *, guard: str = "") -> ManyRows:
    """Update rows by key. Tuples hold the key columns, then one value for each assignment.

    An assignment is a column name, or `name = name + ?` for arithmetic, where `?` is the value. `guard`
    is a further condition on the row.
    """
    columns = [*key, *(item.split(" ", 1)[0] for item in assignments)]
    names = [f"p{n}" for n in range(1, len(columns) + 1)]

    def sets(value: str) -> str:
        offset = len(key) + 1
        parts: list[str] = []
        for n, item in enumerate(assignments, offset):
            mark = value.format(n=n)
            parts.append(item.replace("?", mark) if "=" in item else f"{item} = {mark}")
        return ", ".join(parts)

    also = f" AND {guard}" if guard else ""
    where_lite = " AND ".join(f"{name} = ?{n}" for n, name in enumerate(key, 1))
    where_pg = " AND ".join(f"t.{name} = u.p{n}" for n, name in enumerate(key, 1))
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(array_types(table, columns), 1))
    pg_sets = _qualify(sets("u.p{n}"))
    return ManyRows(
        sqlite=f"UPDATE {table.name} SET {sets('?{n}')} WHERE {where_lite}{also}",
        postgres=(
            f"UPDATE {table.name} t SET {pg_sets} FROM unnest({arrays}) AS u({', '.join(names)}) "
            f"WHERE {where_pg}{also}"
        ),
        width=len(columns),
        touches=_TABLES.intersection([table.name, *_WORD.findall(guard)]),
    )


def _qualify(sets: str) -> str:
    """`x = x + u.p3` needs `t.x` on the right side on PostgreSQL, where `u` is in scope as well."""
    return re.sub(r"(\w+) = \1 ", r"\1 = t.\1 ", sets)
