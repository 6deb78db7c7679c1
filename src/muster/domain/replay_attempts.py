"""Events about attempts, and the rows they leave."""

from __future__ import annotations

from typing import assert_never

from muster.domain.events import AttemptFailed, AttemptStarted, AttemptSucceeded, AttemptWarned
from muster.domain.replay_world import AttemptRow, Fact, TaskRow, World
from muster.domain.review import after_success
from muster.domain.task import TaskState

AttemptPayload = AttemptStarted | AttemptWarned | AttemptSucceeded | AttemptFailed


def evolve_attempt(world: World, fact: Fact, payload: AttemptPayload) -> None:
    """Fold one event about an attempt."""
    task = world.task(fact)
    if task is None:
        return
    if isinstance(payload, AttemptStarted):
        _start(world, fact, payload, task)
        return
    attempt = world.attempt(fact)
    if attempt is None:
        return
    match payload:
        case AttemptWarned():
            pass
        case AttemptSucceeded():
            attempt.state = "succeeded"
            _end(world, fact, payload, attempt)
            _settle(task, fact, TaskState.SUCCEEDED, None)
            task.burned += 1
            task.review = after_success(strict=payload.review, left=payload.unseen)
            if not payload.review:
                world.satisfy(task.id)
        case AttemptFailed():
            attempt.state = "failed"
            attempt.code, attempt.error = payload.code, payload.message
            _end(world, fact, payload, attempt)
            _settle(task, fact, TaskState(payload.state), payload.ready_at)
            task.burned += 1 if payload.counts else 0
        case _:
            assert_never(payload)


def _start(world: World, fact: Fact, payload: AttemptStarted, task: TaskRow) -> None:
    if fact.attempt_id is None or fact.agent_id is None or fact.attempt_id in world.attempts:
        world.stray(fact, "starts an attempt that nobody holds, or one that was started before")
        return
    world.attempts[fact.attempt_id] = AttemptRow(
        id=fact.attempt_id,
        task_id=task.id,
        number=payload.number,
        agent_id=fact.agent_id,
        worker_id=payload.worker_id,
        reserved=fact.amount or 0,
        claimed_at=fact.at,
    )
    task.attempt_ids.append(fact.attempt_id)
    task.attempt_id = fact.attempt_id
    task.agent_id = fact.agent_id
    task.state = TaskState.RUNNING
    task.attempts += 1
    task.started_at = task.updated_at = fact.at
    task.ready_at = None
    world.charge(fact.project_id, reserved=fact.amount or 0)


def _end(world: World, fact: Fact, payload: AttemptSucceeded | AttemptFailed, attempt: AttemptRow) -> None:
    cost = fact.amount or 0
    attempt.cost = cost
    attempt.finished_at = fact.at
    attempt.output, attempt.result = payload.output, payload.result
    attempt.exit_code, attempt.sandbox = payload.exit_code, payload.sandbox
    if payload.tokens is not None:
        (
            attempt.input_tokens,
            attempt.output_tokens,
            attempt.cache_read_tokens,
            attempt.cache_write_tokens,
        ) = payload.tokens
        _count_tokens(world, fact, payload.tokens)
    world.charge(fact.project_id, reserved=-payload.released, spent=cost)


def _count_tokens(world: World, fact: Fact, tokens: list[int]) -> None:
    agent = None if fact.agent_id is None else world.agents.get(fact.agent_id)
    if agent is not None:
        agent.count("tokens_used", tokens[0] + tokens[1], fact.seq)
        agent.count("sessions_count", 1, fact.seq)


def _settle(task: TaskRow, fact: Fact, state: TaskState, ready_at: int | None) -> None:
    task.state = state
    task.ready_at = ready_at
    task.cost += fact.amount or 0
    task.finished_at = fact.at if state.finished else None
    task.updated_at = fact.at
