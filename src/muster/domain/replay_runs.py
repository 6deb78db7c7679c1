"""Events about runs, and the rows they leave."""

from __future__ import annotations

from typing import Any, Final, assert_never

from muster.domain.events_runs import RunCharged, RunDescribed, RunStarted
from muster.domain.replay_world import AttemptRow, Fact, PlaceRow, World

RunPayload = RunStarted | RunDescribed | RunCharged

RUN: Final[dict[str, Any]] = {
    "model": "",
    "session": None,
    "branch": None,
    "base_commit": None,
    "head_commit": None,
    "workspace": None,
    "workspace_kind": None,
    "base_branch": None,
    "pushed_to": None,
    "pull_request": None,
    "role": None,
    "role_version": None,
}


def evolve_run(world: World, fact: Fact, payload: RunPayload) -> None:
    """Fold one event about a run."""
    attempt = world.attempt(fact)
    if attempt is None:
        return
    run = world.runs.get(attempt.id)
    match payload:
        case RunStarted():
            if run is not None:
                world.stray(fact, "starts a run that was started before")
                return
            made = {"task_id": attempt.task_id, "started_at": fact.at}
            world.runs[attempt.id] = PlaceRow(fact.seq, RUN | made | payload.fields)
        case RunDescribed():
            if run is None:
                world.stray(fact, "describes a run that was never started")
                return
            run.columns.update(payload.changes)
        case RunCharged():
            _charge(world, fact, attempt)
        case _:
            assert_never(payload)


def _charge(world: World, fact: Fact, attempt: AttemptRow) -> None:
    amount = fact.amount or 0
    task = world.tasks[attempt.task_id]
    attempt.cost += amount
    task.cost += amount
    task.updated_at = fact.at
    world.charge(fact.project_id, spent=amount)
