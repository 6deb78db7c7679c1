"""What the failures of a SQLite file mean."""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

import apsw

from muster.domain.errors import DatabaseDamaged, DataFolderUnusable, DiskFull, StoreUnavailable

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The disk, the quota or the largest allowed file."""
_SHM_GREW: Final = {apsw.SQLITE_IOERR_SHMSIZE, apsw.SQLITE_IOERR_SHMMAP}


def explain(error: Exception, path: Path, connection: Any = None) -> Exception:
    """The error a caller is given for a failure of the database file; `error` itself when it is none of those.

    `connection`, where it failed, knows what the system said.
    """
    if isinstance(error, OSError):
        return _explain_system(error, path)
    code = _code(error)
    if code is None:
        return error
    problem = " ".join(str(error).split())
    match code & 0xFF:
        case apsw.SQLITE_FULL:
            return DiskFull(path=str(path.parent))
        case apsw.SQLITE_IOERR if code in _SHM_GREW or _system_errno(connection) in NO_SPACE:
            return DiskFull(path=str(path.parent))
        case apsw.SQLITE_IOERR:
            return StoreUnavailable(
                problem=f"{path} could not be read or written ({problem}); look after the disk that holds it"
            )
        case apsw.SQLITE_READONLY | apsw.SQLITE_CANTOPEN | apsw.SQLITE_PERM:
            return DataFolderUnusable(path=str(path), problem=problem)
        case apsw.SQLITE_CORRUPT | apsw.SQLITE_NOTADB:
            return DatabaseDamaged(path=str(path), problem=problem)
        case apsw.SQLITE_BUSY | apsw.SQLITE_LOCKED:
            return StoreUnavailable(problem="another program holds the database file")
        case _:
            return error


def _explain_system(error: OSError, path: Path) -> Exception:
    if error.errno in NO_SPACE:
        return DiskFull(path=str(path.parent))
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return DataFolderUnusable(path=str(path), problem=error.strerror or str(error))
    return error


def _code(error: Exception) -> int | None:
    """SQLite's extended result code. Migrations run on the standard library's SQLite, below SQLAlchemy."""
    if isinstance(error, apsw.Error):
        return cast(int | None, getattr(error, "extendedresult", None))
    return cast(int | None, getattr(getattr(error, "orig", error), "sqlite_errorcode", None))


def _system_errno(connection: Any) -> int:
    return 0 if connection is None else int(getattr(connection, "system_errno", 0) or 0)


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Failures of the database file inside the block are raised as what they mean."""
    try:
        yield
    except Exception as error:
        meaning = explain(error, path)
        if meaning is error:
            raise
        raise meaning from error
