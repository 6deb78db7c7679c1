"""Claiming: the first ready tasks a claimer may take, each to exactly one.

One call serves every claimer of a batch: lanes are read once, held against the gates, and their
heads merged by priority and age. Money is reserved and the attempt with its lease is made in the
same transaction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.domain.admission import COUNTING, ClaimFilter, Hold, LaneFacts, affordable, budget_hold, hold_of
from muster.domain.errors import MusterError
from muster.domain.events import AgentRegistered, AttemptStarted
from muster.domain.task import TaskState
from muster.store import tables
from muster.store.lanes import load_lane_facts
from muster.store.statements import Row, Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, fused

LOOK_AHEAD: Final = 100


@dataclass(slots=True)
class ClaimTasks:
    """Ask for up to `limit` tasks. `worker_id` is the process that will run them, if one of ours does."""

    wants: ClaimFilter
    limit: int = 1
    worker_id: str | None = None
    agent_name: str | None = None


@dataclass(slots=True)
class Claimed:
    """A task as handed out: its lease and what its execution needs. Times are microseconds."""

    task_id: int
    attempt_id: int
    token: int
    number: int
    max_attempts: int
    burned: int
    agent_id: str
    worker_id: str | None
    priority: int
    timeout_us: int
    estimate: int
    claimed_at: int
    session_id: int | None
    parent_id: int | None
    lane: LaneFacts
    spec: str
    """The task's spec as JSON text."""
    earlier: list[Row] = field(default_factory=list[Row])
    """Rows of earlier attempts: task, number, state, agent, failure code, error; then of its run: program, session,
    branch, head commit, base commit, base branch, folder."""
    context: str = ""
    """What its work session carries."""
    review: str | None = None
    """What a person who reviewed its work wants changed."""
    failing_agents: list[str] = field(default_factory=list[str])
    """Of the agents it names: those whose provider fails."""


@dataclass(slots=True)
class ClaimAnswerRows:
    """What one claimer got, and when nothing: why."""

    claims: list[Claimed]
    reason: Hold | None = None


_CANDIDATES: Final = Statement(
    "SELECT t.id, t.priority, t.position, t.estimate, t.attempts, t.burned, t.max_attempts, t.timeout_us, "
    "t.session_id, t.parent_id, s.doc FROM tasks t JOIN task_specs s ON s.id = t.id "
    "WHERE t.state = 30 AND t.lane_id = ?1 AND t.state < 60 "
    "ORDER BY t.priority, t.position LIMIT ?2 FOR UPDATE OF t SKIP LOCKED"
)
_EARLIER: Final = Statement(
    "SELECT a.task_id, a.number, a.state, a.agent_id, a.code, a.error, r.agent, r.session, r.branch, r.head_commit, "
    "r.base_commit, r.base_branch, r.workspace "
    "FROM attempts a LEFT JOIN runs r ON r.attempt_id = a.id WHERE a.task_id IN_INTS(?1) AND a.state <> 'running' "
    "ORDER BY a.task_id, a.number"
)
_ASKED: Final = Statement(
    "SELECT t.id, r.message FROM tasks t JOIN reviews r ON r.id = t.review_id WHERE t.id IN_INTS(?1) AND t.review = 3"
)
_CONTEXTS: Final = Statement("SELECT id, context FROM sessions WHERE id IN_INTS(?1)")
_TAKE: Final = update(
    tables.tasks,
    ["id"],
    ["state", "attempt_id", "agent_id", "attempts = attempts + ?", "started_at", "ready_at", "updated_at"],
    guard="state = 30",
)
_NEW_ATTEMPT: Final = insert(
    tables.attempts,
    [
        "id",
        "task_id",
        "number",
        "agent_id",
        "worker_id",
        "state",
        "token",
        "reserved",
        "claimed_at",
        "heartbeat_at",
    ],
)
_NEW_AGENT: Final = insert(
    tables.agents,
    ["id", "name", "last_active_at", "created_at", "updated_at"],
    suffix="ON CONFLICT (id) DO NOTHING",
)


@fused(order=90, durable=False)
async def claim_tasks(
    uow: UnitOfWork, requests: Sequence[ClaimTasks]
) -> Sequence[ClaimAnswerRows | MusterError]:
    """Hand out ready tasks to all who ask, first come first served."""
    return await hand_out(uow, requests)


async def hand_out(uow: UnitOfWork, requests: Sequence[ClaimTasks]) -> list[ClaimAnswerRows]:
    """Match claimers with ready tasks and make the leases."""
    await uow.exclusive("claims")
    await register_agents(uow, requests)
    lanes = await load_lane_facts(uow, ready_only=True)
    market = _Market(uow, lanes, demand=sum(request.limit for request in requests))
    answers = [await market.serve(request) for request in requests]
    taken = [claimed for answer in answers for claimed in answer.claims]
    if taken:
        await _lease(uow, taken)
        await _tell_history(uow, taken)
    return answers


async def register_agents(uow: UnitOfWork, requests: Sequence[ClaimTasks]) -> None:
    """An agent that was never seen is registered by its first call."""
    names = {request.wants.agent_id: request.agent_name for request in requests}
    uow.journal.seen.update(names)
    known = await uow.agents_known(list(names))
    fresh = [(agent, name or agent) for agent, name in names.items() if agent not in known]
    if not fresh:
        return
    await uow.run_many(_NEW_AGENT, [(agent, name, uow.now, uow.now, uow.now) for agent, name in fresh])
    for agent, name in fresh:
        uow.journal.fact(AgentRegistered({"name": name}), agent=agent)


@dataclass(slots=True)
class _Stall:
    """A lane on offer: its candidates in order, fetched as needed; further ones once some cannot be paid for."""

    lane: LaneFacts
    heads: deque[Row] = field(default_factory=deque[Row])
    rows: list[Row] = field(default_factory=list[Row])
    fetched: bool = False
    looked_ahead: bool = False
    hold: Hold | None = None


class _Market:
    """The lanes with ready work, as this batch's claimers find them one after another."""

    def __init__(self, uow: UnitOfWork, lanes: Sequence[LaneFacts], *, demand: int) -> None:
        self._uow = uow
        self._demand = demand
        self._stalls = [_Stall(lane, hold=hold_of(lane)) for lane in lanes]
        self._by_filter: dict[ClaimFilter, list[_Stall]] = {}
        self._limited = any(
            lane.queue_limit is not None
            or lane.project_limit is not None
            or lane.room is not None
            or lane.troubles
            for lane in lanes
        )

    async def serve(self, request: ClaimTasks) -> ClaimAnswerRows:
        """The best tasks for one claimer."""
        stalls = self._suitable(request.wants)
        answer = ClaimAnswerRows([])
        while len(answer.claims) < request.limit:
            best = await self._best(stalls)
            if best is None:
                break
            answer.claims.append(self._take(best, request))
        if not answer.claims:
            answer.reason = next((stall.hold for stall in stalls if stall.hold is not None), None)
        return answer

    def _suitable(self, wants: ClaimFilter) -> list[_Stall]:
        found = self._by_filter.get(wants)
        if found is None:
            found = [stall for stall in self._stalls if wants.accepts(stall.lane)]
            self._by_filter[wants] = found
        return found

    async def _best(self, stalls: Sequence[_Stall]) -> _Stall | None:
        best: _Stall | None = None
        for stall in stalls:
            if stall.hold is not None:
                continue
            if not stall.fetched:
                await self._fetch(stall)
            if stall.lane.room is not None:
                await self._skip_unaffordable(stall)
            if stall.heads and (best is None or stall.heads[0][1:3] < best.heads[0][1:3]):
                best = stall
        return best

    async def _fetch(self, stall: _Stall) -> None:
        stall.fetched = True
        stall.rows = await self._uow.rows(_CANDIDATES, stall.lane.lane_id, self._demand)
        stall.heads.extend(stall.rows)

    async def _skip_unaffordable(self, stall: _Stall) -> None:
        while stall.heads and not affordable(stall.lane, stall.heads[0][3]):
            stall.hold = stall.hold or budget_hold(stall.lane, stall.heads[0][3])
            stall.heads.popleft()
            if not stall.heads and not stall.looked_ahead:
                await self._look_ahead(stall)
        if stall.heads:
            stall.hold = None

    async def _look_ahead(self, stall: _Stall) -> None:
        stall.looked_ahead = True
        if len(stall.rows) == self._demand:
            seen = {row[0] for row in stall.rows}
            rows = await self._uow.rows(_CANDIDATES, stall.lane.lane_id, self._demand + LOOK_AHEAD)
            stall.heads.extend(row for row in rows if row[0] not in seen)

    def _take(self, stall: _Stall, request: ClaimTasks) -> Claimed:
        row = stall.heads.popleft()
        claimed = _claimed(self._uow, row, stall.lane, request)
        if self._limited:
            self._count(stall.lane, row[3])
        return claimed

    def _count(self, taken: LaneFacts, estimate: int) -> None:
        for trouble in taken.troubles:
            trouble.trying += 1
        for stall in self._stalls:
            lane = stall.lane
            if lane.project_id == taken.project_id:
                lane.reserved += estimate
                lane.project_running += 1
            if lane.queue_id == taken.queue_id:
                lane.queue_running += 1
            if stall.hold is None:
                stall.hold = hold_of(lane, COUNTING)


def _claimed(uow: UnitOfWork, row: Row, lane: LaneFacts, request: ClaimTasks) -> Claimed:
    return Claimed(
        row[0],
        uow.new_id(),
        uow.new_token(),
        row[4] + 1,
        row[6],
        row[5],
        request.wants.agent_id,
        request.worker_id,
        row[1],
        row[7],
        row[3],
        uow.now,
        row[8],
        row[9],
        lane,
        row[10],
        failing_agents=lane.failing_agents if lane.troubles else [],
    )


async def hand_over(uow: UnitOfWork, row: Row, lane: LaneFacts, request: ClaimTasks) -> Claimed:
    """Lease one candidate to one claimer, the gates having been asked."""
    claimed = _claimed(uow, row, lane, request)
    await _lease(uow, [claimed])
    await _tell_history(uow, [claimed])
    return claimed


async def _lease(uow: UnitOfWork, taken: Sequence[Claimed]) -> None:
    now = uow.now
    running = int(TaskState.RUNNING)
    await uow.run_many(
        _TAKE, [(c.task_id, running, c.attempt_id, c.agent_id, 1, now, None, now) for c in taken]
    )
    await uow.run_many(
        _NEW_ATTEMPT,
        [
            (
                c.attempt_id,
                c.task_id,
                c.number,
                c.agent_id,
                c.worker_id,
                "running",
                c.token,
                c.estimate,
                now,
                now,
            )
            for c in taken
        ],
    )
    _note(uow, taken)


def _note(uow: UnitOfWork, taken: Sequence[Claimed]) -> None:
    journal = uow.journal
    journal.facts.extend(
        (
            AttemptStarted(c.number, c.worker_id, c.timeout_us),
            c.task_id,
            c.attempt_id,
            c.agent_id,
            c.lane.project_id,
            c.estimate or None,
        )
        for c in taken
    )
    of_lane: dict[int, list[Claimed]] = {}
    for c in taken:
        of_lane.setdefault(c.lane.lane_id, []).append(c)
    for lane, claimed in of_lane.items():
        journal.move(lane, TaskState.READY, TaskState.RUNNING, len(claimed))
        reserved = sum(c.estimate for c in claimed)
        if reserved:
            journal.charge(claimed[0].lane.project_id, reserved=reserved)
    journal.wake_by(uow.now + min(c.timeout_us for c in taken))


async def _tell_history(uow: UnitOfWork, taken: Sequence[Claimed]) -> None:
    await _carry_context(uow, taken)
    retried = [c.task_id for c in taken if c.number > 1]
    if not retried:
        return
    earlier: dict[int, list[Row]] = {}
    for row in await uow.rows(_EARLIER, retried):
        earlier.setdefault(row[0], []).append(row)
    for claimed in taken:
        claimed.earlier = earlier.get(claimed.task_id, [])
    asked: dict[int, str] = {row[0]: row[1] for row in await uow.rows(_ASKED, retried)}
    for claimed in taken:
        claimed.review = asked.get(claimed.task_id)


async def _carry_context(uow: UnitOfWork, taken: Sequence[Claimed]) -> None:
    sessions = {c.session_id for c in taken if c.session_id is not None}
    if not sessions:
        return
    contexts: dict[int | None, str] = {row[0]: row[1] for row in await uow.rows(_CONTEXTS, sorted(sessions))}
    for claimed in taken:
        claimed.context = contexts.get(claimed.session_id, "")
