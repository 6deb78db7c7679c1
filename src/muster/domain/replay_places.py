"""Events about projects, queues, sessions, agents and task classes, and the rows they leave."""

from __future__ import annotations

from typing import Any, Final, TypeVar, assert_never

from muster.domain import ids
from muster.domain.events import (
    AgentDeleted,
    AgentEdited,
    AgentRegistered,
    CapitalAllocated,
    ProjectCreated,
    ProjectDeleted,
    ProjectEdited,
    QueueCreated,
    QueueDeleted,
    QueueEdited,
    RoleDeleted,
    RoleSet,
    SessionCreated,
    SessionEdited,
    TaskClassDeleted,
    TaskClassSet,
)
from muster.domain.replay_world import Fact, PlaceRow, World

ProjectPayload = ProjectCreated | ProjectEdited | CapitalAllocated | ProjectDeleted
QueuePayload = QueueCreated | QueueEdited | QueueDeleted
SessionPayload = SessionCreated | SessionEdited
AgentPayload = AgentRegistered | AgentEdited | AgentDeleted
TaskClassPayload = TaskClassSet | TaskClassDeleted
RolePayload = RoleSet | RoleDeleted

PROJECT: Final[dict[str, Any]] = {
    "icon": "",
    "status": "active",
    "priority": "medium",
    "description": "",
    "allocated": None,
    "enforcement": "hard",
    "reserved": 0,
    "spent": 0,
    "concurrency": None,
    "repo_url": None,
    "default_branch": None,
    "working_dir": None,
    "sandbox": None,
}
QUEUE: Final[dict[str, Any]] = {
    "instructions": "",
    "mode": "auto",
    "status": "active",
    "paused": 0,
    "concurrency": None,
    "project_id": None,
    "session_id": None,
    "agent_id": None,
    "sandbox": None,
    "approval": "relaxed",
}
SESSION: Final[dict[str, Any]] = {"context": "", "status": "active", "project_id": None, "ended_at": None}
AGENT: Final[dict[str, Any]] = {
    "status": "online",
    "model": "",
    "max_tokens": 0,
    "tokens_used": 0,
    "sessions_count": 0,
    "memory_bytes": 0,
}
_PREFIXES: Final = {"project_id": ids.PROJECT, "session_id": ids.SESSION, "queue_id": ids.QUEUE}

K = TypeVar("K", int, str)


def evolve_project(world: World, fact: Fact, payload: ProjectPayload) -> None:
    """Fold one event about a project."""
    rows = world.projects
    match payload:
        case ProjectCreated():
            _create(world, fact, rows, fact.project_id, PROJECT, payload.fields)
        case ProjectEdited():
            _edit(world, fact, rows, fact.project_id, payload.changes)
        case CapitalAllocated():
            row = None if fact.project_id is None else rows.get(fact.project_id)
            before = 0 if row is None else row.columns["allocated"] or 0
            _edit(world, fact, rows, fact.project_id, {"allocated": before + (fact.amount or 0)})
        case ProjectDeleted():
            _delete(world, fact, rows, fact.project_id)
        case _:
            assert_never(payload)


def evolve_queue(world: World, fact: Fact, payload: QueuePayload) -> None:
    """Fold one event about a queue."""
    queue = ids.decode(ids.QUEUE, payload.queue_id)
    match payload:
        case QueueCreated():
            _create(world, fact, world.queues, queue, QUEUE, payload.fields)
        case QueueEdited():
            _edit(world, fact, world.queues, queue, payload.changes)
        case QueueDeleted():
            _delete(world, fact, world.queues, queue)
        case _:
            assert_never(payload)


def evolve_session(world: World, fact: Fact, payload: SessionPayload) -> None:
    """Fold one event about a work session."""
    session = ids.decode(ids.SESSION, payload.session_id)
    match payload:
        case SessionCreated():
            _create(world, fact, world.sessions, session, SESSION, payload.fields)
        case SessionEdited():
            _edit(world, fact, world.sessions, session, payload.changes)
        case _:
            assert_never(payload)


def evolve_agent(world: World, fact: Fact, payload: AgentPayload) -> None:
    """Fold one event about an agent."""
    match payload:
        case AgentRegistered() if fact.agent_id in world.agents:
            pass  # Two of its first calls met; the second found it registered.
        case AgentRegistered():
            _create(world, fact, world.agents, fact.agent_id, AGENT, payload.fields)
        case AgentEdited():
            _edit(world, fact, world.agents, fact.agent_id, payload.changes)
        case AgentDeleted():
            _delete(world, fact, world.agents, fact.agent_id)
        case _:
            assert_never(payload)


def evolve_task_class(world: World, fact: Fact, payload: TaskClassPayload) -> None:
    """Fold one event about a task class."""
    match payload:
        case TaskClassSet():
            columns = {
                "timeout_us": payload.timeout_us,
                "description": payload.description,
                "network": int(payload.network),
            }
            world.task_classes[payload.name] = PlaceRow(fact.seq, columns)
        case TaskClassDeleted():
            _delete(world, fact, world.task_classes, payload.name)
        case _:
            assert_never(payload)


def evolve_role(world: World, fact: Fact, payload: RolePayload) -> None:
    """Fold one event about a role."""
    match payload:
        case RoleSet():
            _set_role(world, fact, payload)
        case RoleDeleted():
            _delete(world, fact, world.roles, payload.name)
        case _:
            assert_never(payload)


def _set_role(world: World, fact: Fact, payload: RoleSet) -> None:
    columns = {"kind": payload.role_kind, "description": payload.description, "doc": payload.doc}
    version = payload.version or 1 + max(
        (n for name, n in world.role_versions if name == payload.name), default=0
    )
    made = {"created_at": fact.at, "created_by": payload.by or None, "restored": payload.restored}
    world.roles[payload.name] = PlaceRow(fact.seq, columns | {"version": version})
    world.role_versions[payload.name, version] = PlaceRow(fact.seq, columns | made)


def _create(
    world: World,
    fact: Fact,
    rows: dict[K, PlaceRow],
    key: K | None,
    defaults: dict[str, Any],
    given: dict[str, Any],
) -> None:
    if key is None or key in rows:
        world.stray(fact, "makes something without a name, or that is there already")
        return
    times = {"created_at": fact.at, "updated_at": fact.at}
    rows[key] = PlaceRow(fact.seq, defaults | times | _stored(given))


def _edit(world: World, fact: Fact, rows: dict[K, PlaceRow], key: K | None, changes: dict[str, Any]) -> None:
    row = None if key is None else rows.get(key)
    if row is None:
        world.stray(fact, "changes something that was never made or was removed before")
        return
    row.columns.update(_stored(changes) | {"updated_at": fact.at})
    row.set_at.update(dict.fromkeys(changes, fact.seq))


def _delete(world: World, fact: Fact, rows: dict[K, PlaceRow], key: K | None) -> None:
    if key is None or rows.pop(key, None) is None:
        world.stray(fact, "removes something that was never made or was removed before")


def _stored(given: dict[str, Any]) -> dict[str, Any]:
    """Values as the columns have them: integers for public ids and flags."""
    columns: dict[str, Any] = {}
    for name, value in given.items():
        prefix = _PREFIXES.get(name)
        if prefix is not None and isinstance(value, str):
            columns[name] = ids.decode(prefix, value)
        else:
            columns[name] = int(value) if isinstance(value, bool) else value
    return columns
