"""Every error muster raises on purpose. The class docstring is the message; details name the culprit."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Category(StrEnum):
    """What sort of failure an error is; the edges translate it (HTTP status, exit code)."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    UNAUTHENTICATED = "unauthenticated"
    TOO_LARGE = "too_large"
    LIMITED = "limited"
    UNAVAILABLE = "unavailable"


class MusterError(Exception):
    """Something muster refuses to do."""

    code: str = "error"
    category: Category = Category.INVALID

    def __init__(self, message: str | None = None, **details: object) -> None:
        self.message = message or self._explain(details)
        self.details: Mapping[str, object] = details
        super().__init__(self.message)

    def _explain(self, details: Mapping[str, object]) -> str:
        text = " ".join((self.__class__.__doc__ or "error").split())
        try:
            return text.format(**details)
        except (KeyError, IndexError):
            return text


class InvalidInput(MusterError):
    """{field}: {problem}"""

    code = "invalid_input"


class NotFound(MusterError):
    """There is no {noun} {id}."""

    code = "not_found"
    category = Category.NOT_FOUND


class NothingReady(MusterError):
    """No task is ready for this claimer: {reason}"""

    code = "nothing_ready"
    category = Category.NOT_FOUND


class AlreadyExists(MusterError):
    """There is already a {noun} named {name}."""

    code = "already_exists"
    category = Category.CONFLICT


class Conflict(MusterError):
    """The change does not fit the present state: {problem}"""

    code = "conflict"
    category = Category.CONFLICT


class WrongState(Conflict):
    """{noun} {id} is {state}; {wanted}"""

    code = "wrong_state"


class LeaseLost(Conflict):
    """Attempt {attempt} is not yours: it ended, was taken back, or the token is another one's. Nothing was changed."""

    code = "lease_lost"


class NotClaimable(Conflict):
    """Task {id} cannot be claimed: {reason}"""

    code = "not_claimable"


class IdempotencyMismatch(Conflict):
    """The idempotency key {key} was used for another request."""

    code = "idempotency_mismatch"


class DependencyCycle(InvalidInput):
    """The dependencies form a cycle: {cycle}"""

    code = "dependency_cycle"


class TooLarge(MusterError):
    """{field} is too large: {size} where {limit} is allowed."""

    code = "too_large"
    category = Category.TOO_LARGE


class Unauthenticated(MusterError):
    """This server wants a bearer token."""

    code = "unauthenticated"
    category = Category.UNAUTHENTICATED


class Forbidden(MusterError):
    """{problem}"""

    code = "forbidden"
    category = Category.FORBIDDEN


class Overloaded(MusterError):
    """The server has more work queued than it takes at once; try again in a moment."""

    code = "overloaded"
    category = Category.LIMITED


class StoreUnavailable(MusterError):
    """The database cannot take the change now: {problem}"""

    code = "store_unavailable"
    category = Category.UNAVAILABLE


class DiskFull(StoreUnavailable):
    """The disk that holds {path} is full. Nothing was changed; free some space and try again."""

    code = "disk_full"


class DatabaseTooNew(StoreUnavailable):
    """The database has schema {found}, which this version of muster does not know
    (it knows up to {known}). Install a newer muster.
    """

    code = "database_too_new"


class DatabaseTooOld(StoreUnavailable):
    """The database has schema {found} and this version of muster needs {wanted}. Run 'muster db upgrade'."""

    code = "database_too_old"


class DatabaseDamaged(StoreUnavailable):
    """{path} is not a database of muster, or it is damaged ({problem}). Nothing was changed. Put a backup in its place
    with 'muster restore --force BACKUP'; the present file is then kept beside it.
    """

    code = "database_damaged"


class DatabaseLocked(StoreUnavailable):
    """Another muster server (process {pid}) has {path} open. Stop it with 'muster stop', or give this one another --data-dir."""

    code = "database_locked"


class DataFolderUnusable(StoreUnavailable):
    """{path} cannot be written: {problem}"""

    code = "data_folder_unusable"


class SQLiteTooOld(StoreUnavailable):
    """SQLite {found} can corrupt a WAL database; {wanted} or newer is needed (it comes with the apsw package)."""

    code = "sqlite_too_old"
