"""The worker inside the server: the same code as one on another host, over an in-process transport."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from muster.bootstrap.agents import agent_host
from muster.bootstrap.mcp import LazyDoor
from muster.bootstrap.settings import Settings
from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.commands.leases import disown
from muster.gateway.server import Gateway
from muster.sandboxes.registry import choose
from muster.sandboxes.sandbox import MB, Capabilities, Driver
from muster.store.database import Store
from muster.worker.agent_run import AgentRun
from muster.worker.isolation import Isolation
from muster.worker.options import AGENT_KINDS, SCRIPT_KINDS, WorkerOptions
from muster.worker.worker import Worker

log = logging.getLogger("muster.worker")


@dataclass(slots=True)
class EmbeddedWorker:
    """A worker with its sandbox driver. `capabilities` says what isolation is in force, `passed_over` why no stronger one."""

    driver: Driver
    capabilities: Capabilities
    passed_over: Sequence[Capabilities]
    options: WorkerOptions
    worker: Worker
    client: Client
    gateway: Gateway
    tools: LazyDoor
    agents: list[str]
    """In words, which agents it runs."""

    @staticmethod
    async def prepare(settings: Settings, app: Any, version: str) -> EmbeddedWorker:
        """Choose the sandbox and make the worker; nothing runs yet."""
        driver, capabilities, passed_over = await choose(settings.worker.sandbox)
        host = socket.gethostname()
        name = f"worker-{host}-{settings.server.port}"
        isolation = Isolation(driver)
        token = settings.server.token
        client = Client(InProcessTransport(app), token=None if token is None else token.get_secret_value())
        agents, gateway, tools = await agent_host(settings, client, version)
        options = WorkerOptions(
            worker_id=name,
            agent_id=name,
            agent_name=f"scripts on {host}",
            state_dir=settings.data_dir / "worker",
            capacity=settings.worker.capacity,
            host=host,
            version=version,
            hidden=(settings.data_dir,),
            script_dirs=tuple(settings.scripts.folders),
            output_limit_bytes=int(settings.worker.output_limit_mb * MB),
            kinds=(*SCRIPT_KINDS, *AGENT_KINDS),
            capabilities=(*isolation.labels, *agents.labels),
        )
        worker = Worker(client, isolation, options, AgentRun(client, options, agents))
        return EmbeddedWorker(
            driver, capabilities, passed_over, options, worker, client, gateway, tools, agents.shown
        )

    async def run(self, store: Store) -> None:
        """Take back what an earlier life of this worker left behind, then work until stopped."""
        lost = await store.execute(disown(self.options.worker_id, frozenset(), started=True))
        if lost:
            log.warning(
                "%d attempts were running when the last server ended; their tasks are tried again", lost
            )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.tools.run(), name="tools")
                await self.worker.run()
                self.tools.stop()
        finally:
            await self.driver.close()
            await self.gateway.close()
            await self.client.close()

    def stop(self) -> None:
        """Claim no more and give back what runs."""
        self.worker.stop()
