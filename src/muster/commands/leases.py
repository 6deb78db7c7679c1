"""Keeping leases alive, and noticing those whose holder went silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.commands.approvals import expire_due
from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.circuits import let_try
from muster.commands.messages import Word, note_delivered, words_for
from muster.commands.metered import charge_metered
from muster.domain import ids
from muster.domain.errors import LeaseLost, MusterError
from muster.domain.events import AttemptWarned, TaskReadied
from muster.domain.task import TaskState
from muster.store import tables
from muster.store.codec import to_json
from muster.store.statements import Statement, update
from muster.store.unit_of_work import UnitOfWork, command, fused

WORKER_SILENT_US: Final = 60_000_000
CLAIM_IN_FLIGHT_US: Final = 10_000_000


@dataclass(slots=True)
class Heartbeat:
    """A sign of life for one lease."""

    attempt_id: int
    token: int
    progress: float | None = None
    message: str | None = None
    delivered: Sequence[str] = ()
    """Ids of words that its agent has got."""


@dataclass(slots=True)
class Beat:
    """What a heartbeat found. `cancelled`: the task was cancelled under the holder."""

    attempt_id: int
    timeout_us: int
    expires_at: int
    cancelled: bool = False
    words: Sequence[Word] = ()
    """For its agent."""


_LEASES: Final = Statement(
    "SELECT a.id, a.token, a.state, t.timeout_us, a.finished_at, a.words FROM attempts a JOIN tasks t ON t.id = a.task_id "
    "WHERE a.id IN_INTS(?1)"
)
_BEAT: Final = update(tables.attempts, ["id"], ["heartbeat_at", "warned_at"], guard="state = 'running'")
_PROGRESS: Final = update(tables.attempts, ["id"], ["progress"], guard="state = 'running'")


@fused(order=20, durable=False)
async def heartbeat(uow: UnitOfWork, requests: Sequence[Heartbeat]) -> list[Beat | MusterError]:
    """Renew leases. A lease whose task was cancelled is answered, not refused, so that its holder stops."""
    rows = {row[0]: row for row in await uow.rows(_LEASES, [request.attempt_id for request in requests])}
    answers: list[Beat | MusterError] = []
    beats: list[tuple[int, int, None]] = []
    progress: list[tuple[int, str]] = []
    spoken: dict[int, Beat] = {}
    for request in requests:
        row = rows.get(request.attempt_id)
        if row is None or row[1] != request.token or row[2] not in ("running", "cancelled"):
            answers.append(LeaseLost(attempt=ids.encode(ids.ATTEMPT, request.attempt_id)))
            continue
        expires = uow.now + 2 * row[3]
        beat = Beat(request.attempt_id, row[3], expires, cancelled=row[2] == "cancelled")
        answers.append(beat)
        if request.delivered:
            await note_delivered(uow, request.attempt_id, request.delivered)
        if row[5] and row[2] == "running":
            spoken[request.attempt_id] = beat
        if row[2] == "running":
            beats.append((request.attempt_id, uow.now, None))
            if request.progress is not None or request.message is not None:
                progress.append((request.attempt_id, to_json([request.progress, request.message])))
    await uow.run_many(_BEAT, beats)
    await uow.run_many(_PROGRESS, progress)
    if spoken:
        for attempt, words in (await words_for(uow, list(spoken))).items():
            spoken[attempt].words = words
    return answers


@dataclass(frozen=True, slots=True)
class StaleRules:
    """When silence is warned of and when it ends the attempt, in multiples of the task's timeout."""

    warn: float = 1.0
    fail: float = 2.0


@dataclass(slots=True)
class Patrol:
    """What a look at the clocks did, and when the next one is due (microseconds), if ever."""

    readied: int = 0
    warned: int = 0
    failed: int = 0
    next_at: int | None = None


_DUE: Final = Statement(
    "SELECT id, lane_id, project_id, blockers FROM tasks WHERE state = 20 AND ready_at <= ?1 ORDER BY ready_at LIMIT 1000"
)
_NEXT_DUE: Final = Statement("SELECT min(ready_at) FROM tasks WHERE state = 20")
_MAKE_READY: Final = update(tables.tasks, ["id"], ["state", "ready_at", "updated_at"], guard="state = 20")
_RUNNING: Final = Statement(
    "SELECT a.id, a.token, a.heartbeat_at, a.warned_at, t.timeout_us, t.id, t.project_id, a.agent_id, a.worker_id, "
    "w.seen_at FROM tasks t JOIN attempts a ON a.id = t.attempt_id LEFT JOIN workers w ON w.id = a.worker_id "
    "WHERE t.state = 40 AND t.state < 60"
)
_WARN: Final = update(tables.attempts, ["id"], ["warned_at"], guard="state = 'running'")


@command(durable=True)
async def patrol(uow: UnitOfWork, rules: StaleRules) -> Patrol:
    """Ready what has waited out its back-off; warn of and end attempts whose holder is silent."""
    report = Patrol()
    await _ready_due(uow, report)
    await _watch_leases(uow, rules, report)
    expires = await expire_due(uow)
    for moment in (expires, await let_try(uow)):
        if moment is not None:
            _sooner(report, moment)
    return report


async def _ready_due(uow: UnitOfWork, report: Patrol) -> None:
    due = await uow.rows(_DUE, uow.now)
    await uow.run_many(_MAKE_READY, [(row[0], int(TaskState.READY), None, uow.now) for row in due])
    for task, lane, project, _ in due:
        uow.journal.move(lane, TaskState.BACKOFF, TaskState.READY)
        uow.journal.fact(TaskReadied("backoff_over"), task=task, project=project)
    report.readied = len(due)
    following = (await uow.rows(_NEXT_DUE))[0][0]
    if following is not None:
        _sooner(report, following)


def _sooner(report: Patrol, at: int) -> None:
    if report.next_at is None or at < report.next_at:
        report.next_at = at


@dataclass(slots=True)
class _Silent:
    ends: list[EndAttempt] = field(default_factory=list[EndAttempt])
    warnings: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


async def _watch_leases(uow: UnitOfWork, rules: StaleRules, report: Patrol) -> None:
    silent = _Silent()
    for attempt, token, beat, warned, timeout, task, project, agent, worker, seen in await uow.rows(_RUNNING):
        quiet = uow.now - beat
        fail_at, warn_at = beat + int(timeout * rules.fail), beat + int(timeout * rules.warn)
        lost_at = max(seen, beat) + WORKER_SILENT_US if worker is not None and seen is not None else None
        if lost_at is not None and lost_at <= uow.now:
            words = f"worker {worker} has not been heard of for {(uow.now - lost_at + WORKER_SILENT_US) // 1_000_000} s"
            silent.ends.append(EndAttempt(attempt, token, code="worker_lost", message=words))
        elif fail_at <= uow.now:
            words = f"no heartbeat for {quiet // 1_000_000} s, {rules.fail:g} times the timeout of {timeout / 1e6:g} s"
            silent.ends.append(EndAttempt(attempt, token, code="stale", message=words))
        else:
            if warned is None and warn_at <= uow.now:
                silent.warnings.append((attempt, uow.now))
                uow.journal.fact(
                    AttemptWarned(quiet), task=task, attempt=attempt, agent=agent, project=project
                )
            _sooner(report, fail_at if warned is not None or warn_at <= uow.now else warn_at)
            if lost_at is not None:
                _sooner(report, lost_at)
    await uow.run_many(_WARN, silent.warnings)
    if silent.ends:
        await end_attempts.handle(uow, silent.ends)
        await charge_metered(uow, [end.attempt_id for end in silent.ends])
    report.warned, report.failed = len(silent.warnings), len(silent.ends)


_OF_WORKER: Final = Statement(
    "SELECT a.id, a.token, a.claimed_at FROM tasks t JOIN attempts a ON a.id = t.attempt_id "
    "WHERE t.state = 40 AND t.state < 60 AND a.worker_id = ?1"
)


@command(durable=True)
async def disown(
    uow: UnitOfWork, worker_id: str, holding: frozenset[int], *, started: bool = False, left: bool = False
) -> int:
    """End the attempts a worker should be running but says it is not: it was restarted, or their claim
    was lost on the way. Returns how many. A claim younger than 10 s may still be on its way, unless
    the worker has only just `started`, or has `left`: then they are given back and burn nothing."""
    grace = 0 if started or left else CLAIM_IN_FLIGHT_US
    code = "released" if left else "worker_lost"
    words = "left before it ran it" if left else "no longer runs it"
    lost = [
        EndAttempt(attempt, token, code=code, message=f"worker {worker_id} {words}")
        for attempt, token, claimed_at in await uow.rows(_OF_WORKER, worker_id)
        if attempt not in holding and claimed_at + grace <= uow.now
    ]
    if lost:
        await end_attempts.handle(uow, lost)
        await charge_metered(uow, [end.attempt_id for end in lost])
    return len(lost)
