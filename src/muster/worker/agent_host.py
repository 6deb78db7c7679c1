"""What a worker has for agents: their programs, their homes, the ways out of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from muster.client.wire_hosts import AbsentAgent, HostAgent
from muster.domain.agent_task import AGENT_LABEL
from muster.vcs.forge import ForgeAccess
from muster.worker.metering import GatewayDoor
from muster.worker.tools import ToolsDoor


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentHost:
    """`programs` says how each agent that is installed here is started; shipped ones have no program of their own.

    `homes` holds a folder for each task: HOME of its agents, kept over its attempts. `readable` are folders that
    agents' programs need beside the system, `environment` what they get beside their own.
    """

    programs: Mapping[str, Sequence[str]]
    homes: Path
    readable: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    shown: list[str] = field(default_factory=list[str])
    """The agents in words, for a person."""
    detected: Sequence[HostAgent] = ()
    absent: Sequence[AbsentAgent] = ()
    """The same for programs."""
    door: GatewayDoor | None = None
    """The way to models."""
    tools: ToolsDoor | None = None
    """The way to muster's own tools."""
    forges: Sequence[ForgeAccess] = ()
    """Where pull requests may be opened."""
    user_environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What git signs in with when a branch is pushed."""
    port_base: int = 21_000
    ports_each: int = 10

    @property
    def labels(self) -> list[str]:
        """What the worker offers to tasks that name an agent."""
        return [f"{AGENT_LABEL}{name}" for name in sorted(self.programs)]
