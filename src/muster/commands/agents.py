"""Agents: registering, changing and removing them, and noting that they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from muster.domain import ids
from muster.domain.agent import Agent
from muster.domain.checks import check_fields, check_name
from muster.domain.errors import NotFound, WrongState
from muster.domain.events import AgentDeleted, AgentEdited, AgentRegistered
from muster.store import tables
from muster.store.statements import Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, command

FIELDS: Final = tuple(field.name for field in fields(Agent))

_INSERT: Final = insert(tables.agents, ["id", *FIELDS, "last_active_at", "created_at", "updated_at"])
_UPDATE: Final = update(tables.agents, ["id"], [*FIELDS, "updated_at"])
_LOAD: Final = Statement(f"SELECT {', '.join(FIELDS)} FROM agents WHERE id = ?1 FOR UPDATE")
_SEEN: Final = update(tables.agents, ["id"], ["last_active_at"])
_DELETE: Final = Statement("DELETE FROM agents WHERE id = ?1")
# The expression keeps both planners off the index by agent, which holds all it ever did.
_HOLDS: Final = Statement(
    "SELECT id FROM tasks WHERE state = 40 AND state < 60 AND coalesce(agent_id, '') = ?1 LIMIT 1"
)


async def _load(uow: UnitOfWork, agent_id: str) -> Agent | None:
    rows = await uow.rows(_LOAD, agent_id)
    return Agent(**dict(zip(FIELDS, rows[0], strict=True))) if rows else None


@command()
async def register_agent(uow: UnitOfWork, agent_id: str, given: Mapping[str, Any]) -> bool:
    """Register an agent, or change the given fields (named as in Agent) of one that is; True when it is new.

    A new one is called like its id unless `given` says otherwise.
    """
    check_name("id", agent_id, blank=True)
    check_fields(given, FIELDS)
    uow.journal.seen.add(agent_id)
    await uow.exclusive("agents")
    known = await _load(uow, agent_id)
    if known is not None:
        await _change(uow, agent_id, known, given)
        return False
    values = asdict(replace(Agent(name=agent_id), **given))
    await uow.run_many(_INSERT, [(agent_id, *values.values(), uow.now, uow.now, uow.now)])
    uow.journal.fact(AgentRegistered(values), agent=agent_id)
    return True


@command()
async def edit_agent(uow: UnitOfWork, agent_id: str, changes: Mapping[str, Any]) -> None:
    """Change fields of an agent, named as in Agent; all of them or none."""
    check_fields(changes, FIELDS)
    known = await _load(uow, agent_id)
    if known is None:
        raise NotFound(noun="agent", id=agent_id)
    await _change(uow, agent_id, known, changes)


async def _change(uow: UnitOfWork, agent_id: str, old: Agent, changes: Mapping[str, Any]) -> None:
    new = replace(old, **changes)
    changed = {name: getattr(new, name) for name in FIELDS if getattr(new, name) != getattr(old, name)}
    if changed:
        await uow.run_many(_UPDATE, [(agent_id, *asdict(new).values(), uow.now)])
        uow.journal.fact(AgentEdited(changed), agent=agent_id)


@command()
async def delete_agent(uow: UnitOfWork, agent_id: str) -> None:
    """Take an agent off the list; its next call registers it anew. WrongState while it holds a task."""
    if await _load(uow, agent_id) is None:
        raise NotFound(noun="agent", id=agent_id)
    held = await uow.rows(_HOLDS, agent_id)
    if held:
        task = ids.encode(ids.TASK, held[0][0])
        wanted = f"it holds task {task}: cancel that or wait for it"
        raise WrongState(noun="agent", id=agent_id, state="busy", wanted=wanted, task=task)
    await uow.run(_DELETE, agent_id)
    uow.forget_agent(agent_id)
    uow.journal.fact(AgentDeleted(), agent=agent_id)


@command(durable=False)
async def note_presence(uow: UnitOfWork, seen: Mapping[str, int]) -> None:
    """Write down when agents were last heard of (microseconds); unknown ones are ignored. Not an event."""
    await uow.run_many(_SEEN, sorted(seen.items()))
