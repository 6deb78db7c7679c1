"""A worker of this host: the same code inside the server, over an in-process transport, and by itself, over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Final

from muster.bootstrap.agents import agent_host
from muster.bootstrap.images import images_folder
from muster.bootstrap.mcp import LazyDoor
from muster.bootstrap.settings import Settings
from muster.client.client import Client
from muster.client.transport import Transport
from muster.client.wire_hosts import HostLevel
from muster.domain.agent_task import ALLOW_LIST
from muster.domain.errors import MusterError
from muster.gateway.server import Gateway
from muster.sandboxes.registry import Survey, survey
from muster.sandboxes.sandbox import MB, Capabilities
from muster.worker.agent_run import AgentRun
from muster.worker.host_facts import Host
from muster.worker.isolation import Isolation
from muster.worker.options import AGENT_KINDS, SCRIPT_KINDS, WorkerOptions
from muster.worker.worker import Worker

DISTRIBUTION: Final = "muster-fleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlan:
    """Who a worker is and what it takes. `queues` and `projects` None: any."""

    name: str
    state_dir: Path
    labels: Sequence[str] = ()
    queues: Sequence[str] | None = None
    projects: Sequence[str] | None = None
    drain_seconds: float = 30.0

    @staticmethod
    def embedded(settings: Settings) -> WorkerPlan:
        """The worker inside the server of these settings."""
        name = f"worker-{socket.gethostname()}-{settings.server.port}"
        return WorkerPlan(name=name, state_dir=settings.data_dir / "worker")


@dataclass(slots=True)
class LocalWorker:
    """A worker with its sandbox drivers."""

    isolation: Isolation
    levels: Survey
    options: WorkerOptions
    worker: Worker
    client: Client
    gateway: Gateway
    tools: LazyDoor
    agents: list[str]
    """In words, which agents it runs."""

    @staticmethod
    async def prepare(settings: Settings, transport: Transport, plan: WorkerPlan) -> LocalWorker:
        """Choose the sandbox and make the worker; nothing runs yet, but its gateway listens."""
        wanted = settings.worker
        levels = await survey(
            wanted.sandbox,
            weaker=wanted.weaker_levels,
            warm=wanted.warm_sandboxes,
            images=images_folder(settings),
        )
        isolation = Isolation(levels.usual, levels.others)
        token = settings.server.token
        client = Client(transport, token=None if token is None else token.get_secret_value())
        agents, gateway, tools = await agent_host(settings, plan.state_dir, client)
        network = [ALLOW_LIST] if levels.cut_the_network else []
        labels = (*isolation.labels, *network, *agents.labels, *plan.labels)
        options = _options(settings, plan, labels)
        worker = Worker(
            client,
            isolation,
            options,
            AgentRun(client, options, agents),
            Host.found(agents.detected, agents.absent, [_told(entry) for entry in levels.found], levels.pool),
        )
        return LocalWorker(isolation, levels, options, worker, client, gateway, tools, agents.shown)

    @property
    def capabilities(self) -> Capabilities:
        """What isolation is in force for tasks that demand none."""
        return self.levels.in_force

    async def run(self) -> None:
        """Work until stopped or drained. ApiError when the server does not want it."""
        refusal: MusterError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.tools.run(), name="tools")
                try:
                    await self.worker.run()
                except MusterError as error:
                    # Raised inside the group it would come out wrapped.
                    refusal = error
                self.tools.stop()
        finally:
            await self.isolation.close()
            await self.gateway.close()
            await self.client.close()
        if refusal is not None:
            raise refusal

    def drain(self) -> None:
        """Claim no more; what runs may go on for the plan's `drain_seconds`."""
        self.worker.drain()

    def stop(self) -> None:
        """Claim no more and give back what runs."""
        self.worker.stop()


def _told(entry: Capabilities) -> HostLevel:
    reason = "".join(char if char.isprintable() else " " for char in entry.reason[:500])
    return HostLevel(level=entry.level, available=entry.available, reason=reason)


def _options(settings: Settings, plan: WorkerPlan, capabilities: Sequence[str]) -> WorkerOptions:
    host = socket.gethostname()
    return WorkerOptions(
        worker_id=plan.name,
        agent_id=plan.name,
        agent_name=f"scripts on {host}",
        state_dir=plan.state_dir,
        capacity=settings.worker.capacity,
        host=host,
        version=version_of(DISTRIBUTION),
        queues=plan.queues,
        projects=plan.projects,
        hidden=(settings.data_dir,),
        script_dirs=tuple(settings.scripts.folders),
        output_limit_bytes=int(settings.worker.output_limit_mb * MB),
        kinds=(*SCRIPT_KINDS, *AGENT_KINDS),
        capabilities=capabilities,
        drain_seconds=plan.drain_seconds,
    )
