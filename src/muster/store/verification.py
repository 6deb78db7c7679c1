"""Whether a database can be trusted: its log is whole and unchanged, and its rows are what the log says.

Two passes over one snapshot, in pages: by position for the chain and everything but tasks, then task by
task. Memory holds a page of tasks and one row for each project, queue, session, agent and lane.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.domain import ids
from muster.domain.errors import MusterError
from muster.domain.events import AttemptSucceeded, TaskEdited, TaskRemoved, TaskSubmitted
from muster.domain.events_reviews import TaskReviewed
from muster.domain.replay import evolve
from muster.domain.replay_world import Fact, World
from muster.domain.review import Verdict
from muster.store.codec import Event
from muster.store.comparison import Comparison
from muster.store.scope import EVENT_COLUMNS
from muster.store.seals import EVENTS_AFTER, GENESIS, NEWEST, SEAL_COLUMNS, ChainCheck, Seal
from muster.store.snapshot import Snapshot
from muster.store.statements import Row, Statement

Progress = Callable[[int, int, str], None]
PAGE_EVENTS: Final = 4_096
PAGE_SEALS: Final = 256
MOST_PROBLEMS: Final = 200
_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1

_COUNT: Final = Statement("SELECT count(*), coalesce(max(seq), 0) FROM events")
_SEALS: Final = Statement(
    f"SELECT {', '.join(SEAL_COLUMNS)} FROM seals WHERE block > ?1 ORDER BY block LIMIT {PAGE_SEALS}"
)
_NOTED: Final = Statement("SELECT value FROM installation WHERE name = ?1")
_LOG_HEAD: Final = Statement("SELECT seq FROM log_head")
_TASK_EVENTS: Final = Statement(
    f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE task_id > ?1 ORDER BY task_id, seq LIMIT ?2"
)
_ELSEWHERE: Final = Statement(
    f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE task_id IN_INTS(?1) "
    "AND kind IN ('attempt.succeeded', 'task.reviewed', 'task.removed')"
)


@dataclass(slots=True, kw_only=True)
class VerifyReport:
    """What was looked at and what is wrong. `head_hash` stands for the whole sealed log: keep it elsewhere,
    and a log that was written anew is found out too. `unsealed` events are so new that no seal covers them yet."""

    events: int = 0
    last_seq: int = 0
    blocks: int = 0
    unsealed: int = 0
    head_hash: str = GENESIS
    tasks: int = 0
    attempts: int = 0
    problems: list[str] = field(default_factory=list[str])
    more_problems: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def message(self) -> str:
        """The outcome in one sentence."""
        looked = (
            f"{self.events} events in {self.blocks} sealed blocks ({self.unsealed} not sealed yet), "
            f"{self.tasks} tasks, {self.attempts} attempts"
        )
        if self.ok:
            return f"Everything is as the log says: {looked}. Chain head: {self.head_hash}"
        return f"{len(self.problems) + self.more_problems} problems in {looked}."

    def problem(self, text: str) -> None:
        """Note something that is wrong."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(text)
        else:
            self.more_problems += 1


async def verify_snapshot(snapshot: Snapshot, progress: Progress) -> VerifyReport:
    """Check everything a snapshot holds. `progress` is told events done, all to do, and what is done with them."""
    report = VerifyReport()
    report.events, report.last_seq = (await snapshot.rows(_COUNT))[0]
    world = World()
    await _check_chain(snapshot, world, report, progress)
    comparison = Comparison(report.problem)
    await comparison.prepare(snapshot)
    await _check_tasks(snapshot, world, comparison, report, progress)
    await comparison.totals(snapshot, world)
    report.tasks, report.attempts = comparison.tasks, comparison.attempts
    for stray in world.strays:
        report.problem(stray)
    progress(2 * report.events, 2 * report.events, "done")
    return report


class SealPages:
    """The seals in order, read a page at a time."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._waiting: deque[Seal] = deque()
        self._position = _LOWEST
        self._over = False

    async def next(self) -> Seal | None:
        """The next seal, or None behind the last."""
        if not self._waiting and not self._over:
            rows = await self._snapshot.rows(_SEALS, self._position)
            self._over = len(rows) < PAGE_SEALS
            self._waiting.extend(Seal(*row) for row in rows)
            if rows:
                self._position = rows[-1][0]
        return self._waiting.popleft() if self._waiting else None


async def check_seals(
    snapshot: Snapshot, chain: ChainCheck, progress: Progress, on_event: Callable[[Row], None]
) -> None:
    """Feed all events and seals of a snapshot to `chain`, and each event to `on_event`."""
    seals = SealPages(snapshot)
    upcoming = await seals.next()
    position = _LOWEST
    while rows := await snapshot.rows(EVENTS_AFTER, position, PAGE_EVENTS):
        for row in rows:
            while upcoming is not None and chain.wants_seal:
                chain.expect(upcoming)
                upcoming = await seals.next()
            chain.event(row)
            on_event(row)
        position = rows[-1][0]
        progress(chain.events, chain.events, "chain")
    while upcoming is not None:
        chain.expect(upcoming)
        upcoming = await seals.next()
    noted = await snapshot.rows(_NOTED, NEWEST)
    chain.finish(noted[0][0] if noted else None)


async def _check_chain(snapshot: Snapshot, world: World, report: VerifyReport, progress: Progress) -> None:
    chain = ChainCheck(report.problem)

    def place_event(row: Row) -> None:
        if row[3] is None:
            _replay(world, row, report)

    def advanced(done: int, _total: int, _what: str) -> None:
        progress(done, 2 * report.events, "checking the chain")

    await check_seals(snapshot, chain, advanced, place_event)
    report.blocks = chain.blocks
    report.unsealed = report.last_seq - chain.sealed
    report.head_hash = GENESIS if chain.last is None else chain.last.hash
    if snapshot.name == "postgresql":
        heads = [row[0] for row in await snapshot.rows(_LOG_HEAD)]
        if heads != [report.last_seq]:
            report.problem(f"log_head says {heads}, the newest event is {report.last_seq}")


def _replay(world: World, row: Row, report: VerifyReport) -> None:
    fact = _fact(row, report)
    if fact is not None:
        _fold(world, fact, report)


def _fact(row: Row, report: VerifyReport) -> Fact | None:
    event = Event(*row)
    try:
        payload = event.payload()
    except (KeyError, ValueError) as error:
        report.problem(f"event {event.seq} ({event.kind}) cannot be read: {error}")
        return None
    return Fact(
        event.seq,
        event.at,
        payload,
        event.task_id,
        event.attempt_id,
        event.agent_id,
        event.project_id,
        event.amount,
    )


def _fold(world: World, fact: Fact, report: VerifyReport) -> None:
    try:
        evolve(world, fact)
    except (MusterError, ValueError, KeyError, TypeError, AttributeError) as error:
        report.problem(f"event {fact.seq} ({fact.payload.kind}) makes no sense: {error!r}")


async def _check_tasks(
    snapshot: Snapshot, world: World, comparison: Comparison, report: VerifyReport, progress: Progress
) -> None:
    low, limit, done = _LOWEST, PAGE_EVENTS, report.events
    while True:
        rows = await snapshot.rows(_TASK_EVENTS, low, limit)
        page, high = _whole_tasks(rows, complete=len(rows) < limit)
        if not page and high is None:
            limit *= 2
            continue
        high = _HIGHEST if high is None else high
        facts = [fact for row in sorted(page) if (fact := _fact(row, report)) is not None]
        await _fold_tasks(snapshot, world, facts, report)
        await comparison.tasks_between(snapshot, world, low, high)
        world.leave_tasks()
        if high == _HIGHEST:
            return
        low, limit = high, PAGE_EVENTS
        done += len(page)
        progress(min(done, 2 * report.events), 2 * report.events, "replaying tasks")


def _whole_tasks(rows: Sequence[Row], *, complete: bool) -> tuple[Sequence[Row], int | None]:
    """The events of those tasks that are in the page entirely, and the last of these tasks; ([], None) when there is
    none, and all events with the highest id when nothing follows."""
    if complete:
        return rows, _HIGHEST
    last = rows[-1][3]
    page = [row for row in rows if row[3] != last]
    return page, page[-1][3] if page else None


async def _fold_tasks(snapshot: Snapshot, world: World, facts: Sequence[Fact], report: VerifyReport) -> None:
    """Replay the events of some tasks, with what happened elsewhere to tasks that these depend on."""
    elsewhere = await _ends_elsewhere(snapshot, facts, report)
    for fact in facts:
        while elsewhere and elsewhere[0].seq < fact.seq:
            _apply_elsewhere(world, elsewhere.popleft())
        _fold(world, fact, report)
    for end in elsewhere:
        _apply_elsewhere(world, end)


async def _ends_elsewhere(snapshot: Snapshot, facts: Sequence[Fact], report: VerifyReport) -> deque[Fact]:
    here = {fact.task_id for fact in facts}
    targets: set[int] = set()
    for fact in facts:
        for name in _depends_on(fact):
            target = ids.decode(ids.TASK, name)
            if target not in here:
                targets.add(target)
    rows = await snapshot.rows(_ELSEWHERE, sorted(targets)) if targets else []
    return deque(fact for row in sorted(rows) if (fact := _fact(row, report)) is not None)


def _depends_on(fact: Fact) -> Sequence[str]:
    match fact.payload:
        case TaskSubmitted(depends_on=names):
            return names
        case TaskEdited(changes=changes):
            return changes.get("depends_on", ())
        case _:
            return ()


def _apply_elsewhere(world: World, end: Fact) -> None:
    if end.task_id is None:
        return
    match end.payload:
        case TaskRemoved():
            world.forget_target(end.task_id)
        case AttemptSucceeded(review=False):
            world.satisfy(end.task_id)
        case TaskReviewed(verdict=Verdict.APPROVE):
            world.satisfy(end.task_id)
        case _:
            pass
