"""Ends of attempts: complete, fail, and what follows for the task, its dependents and the money.

Complete and fail are hot: one call decides all that arrived in the same turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.commands.approvals import PENDING, withdraw_open
from muster.commands.claims import ClaimAnswerRows, ClaimTasks, hand_out
from muster.domain import ids
from muster.domain.attempt import (
    FAILED,
    SUCCEEDED,
    AfterFailure,
    Held,
    Standing,
    after_failure,
    standing,
)
from muster.domain.errors import LeaseLost, MusterError
from muster.domain.events import AttemptFailed, AttemptSucceeded, TaskReadied
from muster.domain.retry import RetryPolicy
from muster.domain.review import ReviewState, after_success
from muster.domain.task import TaskState
from muster.store import tables
from muster.store.codec import decode_spec, to_json
from muster.store.statements import Statement, update
from muster.store.unit_of_work import UnitOfWork, fused

NO_TOKENS: Final = (0, 0, 0, 0)


@dataclass(slots=True)
class EndAttempt:
    """The claimer's word on how an attempt ended. Money is micro-dollars; tokens are input, output,
    cache read, cache write. With `code` set it failed. `agent_id`, when given, must be the holder."""

    attempt_id: int
    token: int
    output: str | None = None
    result: dict[str, Any] | None = None
    exit_code: int | None = None
    cost: int = 0
    tokens: tuple[int, int, int, int] = NO_TOKENS
    sandbox: str | None = None
    code: str | None = None
    message: str = ""
    retry: bool | None = None
    wait_us: int = 0
    """Microseconds until it may be tried again, at least: a quota opens then."""
    next: ClaimTasks | None = None


@dataclass(slots=True)
class Ended:
    """How the task stands afterwards, and what the same call claimed next."""

    task_id: int
    attempt_id: int
    state: TaskState
    ready_at: int | None = None
    repeated: bool = False
    next: ClaimAnswerRows | None = None


_HELD: Final = Statement(
    "SELECT a.id, a.task_id, a.token, a.state, a.number, a.agent_id, a.reserved, t.state, t.attempt_id, t.lane_id, "
    "t.project_id, t.burned, t.max_attempts, t.dependents, a.finished_at, a.asks, t.review, "
    "(SELECT q.approval FROM queues q WHERE q.id = t.queue_id), "
    "(SELECT count(*) FROM runs r WHERE r.attempt_id = a.id AND r.branch IS NOT NULL AND r.head_commit <> r.base_commit) "
    "FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.id IN_INTS(?1) FOR UPDATE"
)
_SPECS: Final = Statement("SELECT id, doc FROM task_specs WHERE id IN_INTS(?1)")
_TASK_NOW: Final = Statement("SELECT id, ready_at FROM tasks WHERE id IN_INTS(?1)")
_SATISFY: Final = Statement(
    "UPDATE task_dependencies SET done = 1 WHERE depends_on IN_INTS(?1) AND done = 0 RETURNING task_id"
)
_UNBLOCKED: Final = Statement(
    "SELECT id, lane_id, project_id, ready_at FROM tasks WHERE id IN_INTS(?1) AND state = 10 AND blockers = 0 FOR UPDATE"
)
_END_ATTEMPT: Final = update(
    tables.attempts,
    ["id"],
    [
        "state",
        "cost",
        "finished_at",
        "code",
        "error",
        "output",
        "result",
        "exit_code",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "sandbox",
    ],
    guard="state = 'running'",
)
_END_TASK: Final = update(
    tables.tasks,
    ["id"],
    ["state", "burned = burned + ?", "ready_at", "cost = cost + ?", "finished_at", "updated_at", "review"],
    guard="state = 40",
)
_UNBLOCK: Final = update(tables.tasks, ["id"], ["blockers = blockers - ?"])
_READY: Final = update(tables.tasks, ["id"], ["state", "updated_at"], guard="state = 10 AND blockers = 0")
_AGENT_TOKENS: Final = update(
    tables.agents, ["id"], ["tokens_used = tokens_used + ?", "sessions_count = sessions_count + ?"]
)


@dataclass(slots=True)
class _Work:
    """Rows gathered while a batch of ends is decided."""

    attempts: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    tasks: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    satisfied: list[int] = field(default_factory=list[int])
    agents: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    asking: list[int] = field(default_factory=list[int])


async def load_held(uow: UnitOfWork, attempt_ids: Sequence[int]) -> dict[int, Held]:
    """The attempts with what their tasks say, locked until commit."""
    return {row[0]: Held(*row) for row in await uow.rows(_HELD, list(attempt_ids))}


@fused(order=10, durable=True)
async def end_attempts(uow: UnitOfWork, requests: Sequence[EndAttempt]) -> list[Ended | MusterError]:
    """End attempts, settle their money, free their dependents; a repeated call changes nothing."""
    held = await load_held(uow, [request.attempt_id for request in requests])
    policies = await _policies(uow, requests, held)
    work = _Work()
    answers: list[Ended | MusterError] = []
    for request in requests:
        found = held.get(request.attempt_id)
        wanted = SUCCEEDED if request.code is None else FAILED
        match standing(found, request.token, wanted):
            case Standing.HOLDS if found is not None:
                answers.append(_end(uow, request, found, policies, work))
            case Standing.REPEATED if found is not None:
                answers.append(
                    Ended(found.task_id, found.attempt_id, TaskState(found.task_state), repeated=True)
                )
            case _:
                answers.append(LeaseLost(attempt=ids.encode(ids.ATTEMPT, request.attempt_id)))
    await _write(uow, work)
    await _claim_next(uow, requests, answers)
    return answers


async def _policies(uow: UnitOfWork, requests: Sequence[EndAttempt], held: dict[int, Held]) -> dict[int, Any]:
    failing = [
        held[request.attempt_id].task_id
        for request in requests
        if request.code is not None and request.attempt_id in held
    ]
    if not failing:
        return {}
    return {row[0]: decode_spec(row[1]).retry for row in await uow.rows(_SPECS, failing)}


def _end(uow: UnitOfWork, request: EndAttempt, held: Held, policies: dict[int, Any], work: _Work) -> Ended:
    if request.code is None:
        ended = _succeed(uow, request, held)
        if held.dependents and not held.strict:
            work.satisfied.append(held.task_id)
        burned = 1
    else:
        after = _afterwards(uow, request.code, request, held, policies[held.task_id])
        ended = _fail(uow, request, held, after)
        burned = 1 if after.counts else 0
    finished = uow.now if ended.state.finished else None
    state, review = int(ended.state), held.review
    work.tasks.append((held.task_id, state, burned, ended.ready_at, request.cost, finished, uow.now, review))
    held.state = SUCCEEDED if request.code is None else FAILED
    held.task_state = ended.state
    work.attempts.append(_ended_row(uow, request, held))
    _settle(uow, request, held, ended, work)
    return ended


def _ended_row(uow: UnitOfWork, request: EndAttempt, held: Held) -> tuple[Any, ...]:
    return (
        held.attempt_id,
        held.state,
        request.cost,
        uow.now,
        request.code,
        request.message if request.code is not None else None,
        request.output,
        None if request.result is None else to_json(request.result),
        request.exit_code,
        *request.tokens,
        request.sandbox,
    )


def _afterwards(
    uow: UnitOfWork, code: str, request: EndAttempt, held: Held, policy: RetryPolicy
) -> AfterFailure:
    return after_failure(
        code,
        burned=held.burned,
        policy=policy,
        now=uow.now,
        chance=uow.chance(),
        retry=request.retry,
        free=held.number - held.burned,
        wait_us=request.wait_us,
    )


def _settle(uow: UnitOfWork, request: EndAttempt, held: Held, ended: Ended, work: _Work) -> None:
    journal = uow.journal
    journal.move(held.lane_id, TaskState.RUNNING, ended.state)
    journal.ended.append(held.attempt_id)
    journal.seen.add(held.agent_id)
    if held.reserved or request.cost:
        journal.charge(held.project_id, reserved=-held.reserved, spent=request.cost)
    if ended.ready_at is not None:
        journal.wake_by(ended.ready_at)
    if held.asks:
        work.asking.append(held.attempt_id)
    if request.tokens is not NO_TOKENS:
        totals = work.agents.setdefault(held.agent_id, [0, 0])
        totals[0] += request.tokens[0] + request.tokens[1]
        totals[1] += 1


def _succeed(uow: UnitOfWork, request: EndAttempt, held: Held) -> Ended:
    state = after_success(strict=held.strict, left=bool(held.left))
    payload = AttemptSucceeded(
        held.reserved,
        request.output,
        request.result,
        request.exit_code,
        None if request.tokens is NO_TOKENS else list(request.tokens),
        request.sandbox,
        held.strict,
        state is ReviewState.UNSEEN,
    )
    held.review = int(state)
    if held.strict:
        uow.journal.topics.add(PENDING)
    uow.journal.facts.append(
        (payload, held.task_id, held.attempt_id, held.agent_id, held.project_id, _moved(request, held))
    )
    return Ended(held.task_id, held.attempt_id, TaskState.SUCCEEDED)


def _fail(uow: UnitOfWork, request: EndAttempt, held: Held, after: AfterFailure) -> Ended:
    payload = AttemptFailed(
        held.reserved,
        request.code or "agent_error",
        request.message,
        int(after.state),
        after.ready_at,
        after.counts,
        request.output,
        request.result,
        request.exit_code,
        None if request.tokens is NO_TOKENS else list(request.tokens),
        request.sandbox,
    )
    uow.journal.facts.append(
        (payload, held.task_id, held.attempt_id, held.agent_id, held.project_id, _moved(request, held))
    )
    return Ended(held.task_id, held.attempt_id, after.state, after.ready_at)


def _moved(request: EndAttempt, held: Held) -> int | None:
    """The amount of the ledger's entry; none where no money moved."""
    return request.cost if request.cost or held.reserved else None


async def _write(uow: UnitOfWork, work: _Work) -> None:
    if not work.tasks:
        return
    await uow.run_many(_END_ATTEMPT, work.attempts)
    await uow.run_many(_END_TASK, work.tasks)
    if work.agents:
        await uow.run_many(_AGENT_TOKENS, [(agent, *totals) for agent, totals in sorted(work.agents.items())])
    if work.asking:
        await withdraw_open(uow, work.asking, "the attempt ended")
    if work.satisfied:
        await free_dependents(uow, work.satisfied)
    uow.journal.topics.add("limits")


async def free_dependents(uow: UnitOfWork, satisfied: Sequence[int]) -> None:
    """Those that waited for these tasks need not wait for them any longer."""
    counts: dict[int, int] = {}
    for (task,) in await uow.rows(_SATISFY, satisfied):
        counts[task] = counts.get(task, 0) + 1
    if not counts:
        return
    await uow.run_many(_UNBLOCK, sorted(counts.items()))
    freed = await uow.rows(_UNBLOCKED, list(counts))
    ready: list[tuple[int, int, int]] = []
    for task, lane, project, ready_at in freed:
        later: int | None = ready_at if ready_at is not None and ready_at > uow.now else None
        state = TaskState.READY if later is None else TaskState.BACKOFF
        ready.append((task, int(state), uow.now))
        uow.journal.move(lane, TaskState.BLOCKED, state)
        uow.journal.fact(TaskReadied("dependencies_done", int(state)), task=task, project=project)
        if later is not None:
            uow.journal.wake_by(later)
    await uow.run_many(_READY, ready)


async def _claim_next(
    uow: UnitOfWork, requests: Sequence[EndAttempt], answers: Sequence[Ended | MusterError]
) -> None:
    wanting = [
        (answer, request.next)
        for request, answer in zip(requests, answers, strict=True)
        if request.next is not None and isinstance(answer, Ended) and not answer.repeated
    ]
    if not wanting:
        return
    await uow.flush()
    claimed = await hand_out(uow, [claim for _, claim in wanting])
    for (answer, _), rows in zip(wanting, claimed, strict=True):
        answer.next = rows
