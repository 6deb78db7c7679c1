"""Tasks for agents that muster runs itself: what their payload asks of a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muster.domain.agent_task import (
    AGENT_LABEL,
    ALLOW_LIST,
    SANDBOX_LABEL,
    AgentTask,
    is_agent_task,
    read_agent_task,
)
from muster.domain.errors import InvalidInput
from muster.domain.role import in_role
from muster.domain.task import PROGRAMS
from muster.projections.roles import get_role
from muster.store.database import Reader


async def agent_task_of(reader: Reader, kind: str, payload: dict[str, Any]) -> AgentTask | None:
    """What the task wants of its agent, its role included; None when muster does not run one for it.

    InvalidInput for a payload that cannot be, NotFound for an unknown role.
    """
    if not is_agent_task(kind, payload):
        return None
    asked = read_agent_task(kind, payload)
    task = in_role(asked, None if asked.role is None else (await get_role(reader, asked.role)).role)
    if task.agent is None:
        problem = (
            f"is needed: role {asked.role} names no agent (scripted needs no key; see 'muster agents detect')"
        )
        raise InvalidInput(field="payload.agent", problem=problem)
    return task


def labelled(
    requires: Sequence[str], kind: str, payload: Mapping[str, Any], task: AgentTask | None
) -> tuple[str, ...]:
    """What a worker must offer: the labels asked for, and in place of older ones those of the payload's own."""
    if task is None:
        if kind not in PROGRAMS:
            return tuple(dict.fromkeys(requires))
        asked = dict.fromkeys(label for label in requires if label != ALLOW_LIST)
        return (*asked, ALLOW_LIST) if payload.get("allow_hosts") else tuple(asked)
    kept = [label for label in requires if not label.startswith(AGENT_LABEL) and label != ALLOW_LIST]
    if task.sandbox is not None:
        kept = [label for label in kept if not label.startswith(SANDBOX_LABEL)]
    return tuple(dict.fromkeys([*kept, *task.labels]))
