"""What this host has for agents, found out when a worker starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from muster.agents.detect import Detected, detect
from muster.bootstrap.settings import Settings
from muster.worker.agent_host import AgentHost


async def detected_agents(settings: Settings) -> list[Detected]:
    """The agents known to muster as they are on this host."""
    return await detect(os.environ, Path.home(), settings.agents.folders)


async def agent_host(settings: Settings) -> AgentHost:
    """What the worker of this server offers to tasks for agents: those that are installed."""
    found = [entry for entry in await detected_agents(settings) if entry.installed]
    return AgentHost(programs=programs_of(found), homes=settings.data_dir / "worker" / "homes")


def programs_of(found: Sequence[Detected]) -> Mapping[str, Sequence[str]]:
    """How each agent is started; the shipped ones have no program of their own."""
    return {entry.profile.name: [] if entry.path is None else [str(entry.path)] for entry in found}
