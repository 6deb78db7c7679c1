"""Files that attempts changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.domain.errors import NotFound
from muster.store.database import Reader
from muster.store.statements import Row, Statement


@dataclass(slots=True)
class FileRow:
    """A file an attempt changed. `outside`: not among those the task may change."""

    path: str
    change: str
    old_path: str | None
    additions: int | None
    deletions: int | None
    binary: bool
    outside: bool
    before_blob: str | None
    after_blob: str | None
    diff_blob: str | None


_COLUMNS: Final = (
    "path, change, old_path, additions, deletions, is_binary, outside, before_blob, after_blob, diff_blob"
)
_OF_ATTEMPT: Final = Statement(f"SELECT {_COLUMNS} FROM file_changes WHERE attempt_id = ?1 ORDER BY path")
_ONE: Final = Statement(f"SELECT {_COLUMNS} FROM file_changes WHERE attempt_id = ?1 AND path = ?2")


async def files_of(reader: Reader, attempt_id: int) -> list[FileRow]:
    """The files an attempt changed, by path."""
    return [_file(row) for row in await reader.rows(_OF_ATTEMPT, attempt_id)]


async def get_file(reader: Reader, attempt_id: int, path: str) -> FileRow:
    """One of them; NotFound when the attempt did not change it."""
    rows = await reader.rows(_ONE, attempt_id, path)
    if not rows:
        raise NotFound(noun="changed file", id=path[:200])
    return _file(rows[0])


def _file(row: Row) -> FileRow:
    values: list[Any] = [*row[:5], bool(row[5]), bool(row[6]), *row[7:]]
    return FileRow(*values)
