"""Projects with their tasks counted, and the ledger of their money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from muster.domain import ids
from muster.domain.errors import NotFound
from muster.domain.events import AttemptFailed, AttemptSucceeded, CapitalAllocated, TaskCancelled
from muster.projections.counts import SUMS, StateCounts, counts_from
from muster.projections.log import COLUMNS
from muster.projections.page import LAST_ID, Key, Page, page_of_fitting
from muster.store.codec import Event
from muster.store.database import Reader
from muster.store.statements import Row, Statement


@dataclass(slots=True)
class ProjectRow:
    """A project. Money is micro-dollars (`allocated` None: no limit), times are microseconds."""

    id: int
    name: str
    icon: str
    status: str
    priority: str
    description: str
    allocated: int | None
    enforcement: str
    reserved: int
    spent: int
    concurrency: int | None
    repo_url: str | None
    default_branch: str | None
    working_dir: str | None
    sandbox: str | None
    created_at: int
    updated_at: int
    counts: StateCounts

    @property
    def left(self) -> int | None:
        """What is neither spent nor reserved; None without a limit."""
        return None if self.allocated is None else self.allocated - self.reserved - self.spent


_COLUMNS: Final = (
    "id, name, icon, status, priority, description, allocated, enforcement, reserved, spent, concurrency, repo_url, "
    "default_branch, working_dir, sandbox, created_at, updated_at"
)
_LIST: Final = Statement(f"SELECT {_COLUMNS} FROM projects WHERE id < ?1 ORDER BY id DESC LIMIT ?2")
_ONE: Final = Statement(f"SELECT {_COLUMNS} FROM projects WHERE id = ?1")
_NAMED: Final = Statement("SELECT id FROM projects WHERE name = ?1")
_KNOWN: Final = Statement("SELECT id FROM projects WHERE id = ?1")
_COUNTS: Final = Statement(
    f"SELECT project_id, {SUMS} FROM lanes WHERE project_id IN_INTS(?1) GROUP BY project_id"
)


async def list_projects(
    reader: Reader, *, status: str | None = None, after: Key | None = None, limit: int = 50
) -> Page[ProjectRow]:
    """Projects, newest first; the page's key is (id,)."""

    async def fetch(behind: Key | None, count: int) -> list[Row]:
        return await reader.rows(_LIST, int(behind[0]) if behind else LAST_ID, count)

    def fits(row: Row) -> bool:
        return status is None or row[3] == status

    page = await page_of_fitting(fetch, fits, lambda row: (row[0],), after, limit)
    counts = await _counts(reader, [row[0] for row in page.items])
    return Page([_project(row, counts) for row in page.items], page.next)


async def get_project(reader: Reader, project_id: int) -> ProjectRow:
    """One project; NotFound when there is none."""
    rows = await reader.rows(_ONE, project_id)
    if not rows:
        raise NotFound(noun="project", id=ids.encode(ids.PROJECT, project_id))
    return _project(rows[0], await _counts(reader, [project_id]))


async def find_project(reader: Reader, reference: str) -> int:
    """The id of the project with this public id or name; NotFound when there is none."""
    if ids.is_id(ids.PROJECT, reference):
        rows = await reader.rows(_KNOWN, ids.decode(ids.PROJECT, reference))
    else:
        rows = await reader.rows(_NAMED, reference)
    if not rows:
        raise NotFound(noun="project", id=reference[:60])
    return rows[0][0]


async def _counts(reader: Reader, project_ids: list[int]) -> dict[int, StateCounts]:
    return {row[0]: counts_from(row[1:]) for row in await reader.rows(_COUNTS, project_ids)}


def _project(row: Row, counts: dict[int, StateCounts]) -> ProjectRow:
    values: list[Any] = [*row, counts.get(row[0]) or StateCounts()]
    return ProjectRow(*values)


@dataclass(slots=True)
class LedgerEntry:
    """A movement of money in micro-dollars; allocated, reserved and spent are as they stood after it.

    `kind` is allocated, reserved, settled (a cost became known) or released (a reservation ended without one).
    """

    seq: int
    at: int
    kind: str
    amount: int
    task_id: int | None
    attempt_id: int | None
    agent_id: str | None
    note: str
    allocated: int
    reserved: int
    spent: int

    @property
    def balance(self) -> int:
        """What was neither spent nor reserved."""
        return self.allocated - self.reserved - self.spent


_STAND: Final = Statement(
    "SELECT coalesce(allocated, 0), reserved, spent, (SELECT max(seq) FROM events "
    "WHERE project_id = ?1 AND amount IS NOT NULL) FROM projects WHERE id = ?1"
)
_ENTRIES: Final = Statement(
    f"SELECT {COLUMNS} FROM events WHERE project_id = ?1 AND amount IS NOT NULL AND seq <= ?2 "
    "ORDER BY seq DESC LIMIT ?3"
)


async def ledger(
    reader: Reader, project_id: int, *, after: Key | None = None, limit: int = 50
) -> Page[LedgerEntry]:
    """Movements of a project's money, newest first, each with the balance after it. Ends of attempts that moved
    none are left out, so that a page may be short and yet not the last.

    The page's key is (position, allocated, reserved, spent): the balance is carried along.
    """
    if after is None:
        rows = await reader.rows(_STAND, project_id)
        if not rows:
            raise NotFound(noun="project", id=ids.encode(ids.PROJECT, project_id))
        allocated, reserved, spent, seq = rows[0]
    else:
        seq, allocated, reserved, spent = (int(part) for part in after)
    entries: list[LedgerEntry] = []
    events = [Event(*row) for row in await reader.rows(_ENTRIES, project_id, seq or 0, limit + 1)]
    for event in events[:limit]:
        entry, moved = _entry(event, allocated, reserved, spent)
        if any(moved):
            entries.append(entry)
        allocated, reserved, spent = allocated - moved[0], reserved - moved[1], spent - moved[2]
    key = (events[limit].seq, allocated, reserved, spent) if len(events) > limit else None
    return Page(entries, key)


def _entry(
    event: Event, allocated: int, reserved: int, spent: int
) -> tuple[LedgerEntry, tuple[int, int, int]]:
    amount = event.amount or 0
    match event.payload():
        case CapitalAllocated() as fact:
            kind, shown, note, moved = "allocated", amount, fact.note, (amount, 0, 0)
        case AttemptSucceeded() as fact:
            kind = "settled" if amount else "released"
            shown, note, moved = amount or fact.released, "", (0, -fact.released, amount)
        case AttemptFailed() as fact:
            kind = "settled" if amount else "released"
            shown, note, moved = amount or fact.released, fact.code, (0, -fact.released, amount)
        case TaskCancelled() as fact:
            kind, shown, note, moved = "released", fact.released, fact.reason, (0, -fact.released, 0)
        case _:
            kind, shown, note, moved = "reserved", amount, "", (0, amount, 0)
    entry = LedgerEntry(
        event.seq,
        event.at,
        kind,
        shown,
        event.task_id,
        event.attempt_id,
        event.agent_id,
        note,
        allocated,
        reserved,
        spent,
    )
    return entry, moved
