"""`muster up`: the settings become a running server. The composition root."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

import uvloop

import muster
from muster.api.native import create_native_app
from muster.api.pages import Pages
from muster.api.services import ApiSettings, Services
from muster.bootstrap.agents import user_environment
from muster.bootstrap.banner import announce
from muster.bootstrap.http import HttpServer, bind
from muster.bootstrap.local_worker import DISTRIBUTION, LocalWorker, WorkerPlan
from muster.bootstrap.logs import configure_logging
from muster.bootstrap.mcp import MountedTools
from muster.bootstrap.operations import blob_folder
from muster.bootstrap.schema import is_empty_postgres
from muster.bootstrap.settings import Settings
from muster.client.in_process import InProcessTransport
from muster.commands.defaults import ensure_defaults
from muster.commands.leases import StaleRules
from muster.domain.task_class import TaskClass
from muster.engine.merge_watch import run_merge_watch
from muster.engine.presence import run_presence
from muster.engine.projector import run_projector
from muster.engine.pruner import Retention, run_pruner
from muster.engine.rescuer import run_rescuer
from muster.engine.sealer import run_sealer
from muster.engine.supervisor import Loop, supervise
from muster.scripts.index import ScriptIndex
from muster.store.blobs import BlobStore
from muster.store.database import Durability, Store
from muster.store.open import open_store
from muster.store.steady_clock import SteadyClock

WEB: Final = Path(muster.__file__).parent / "web_dist"
"""Where the build of the web interface is, when there is one."""

log = logging.getLogger("muster.server")


def steady_clock() -> SteadyClock:
    """Microseconds since the epoch, following what time has really passed, also while the machine slept."""
    elapsed = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return SteadyClock(lambda: time.time_ns() // 1_000, lambda: time.clock_gettime_ns(elapsed) // 1_000)


def run(settings: Settings, *, demo: bool = False, worker: bool = True) -> int:
    """Serve until SIGTERM or Ctrl-C; the exit status."""
    configure_logging(settings)
    listener = bind(settings)
    try:
        return uvloop.run(_serve(settings, listener, demo=demo, worker=worker))
    finally:
        listener.close()


def _tune() -> None:
    """Long-lived objects out of the collector's way, and no long waits for the interpreter lock behind a helper thread."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.001)


@dataclass(slots=True)
class Parts:
    """What a running server consists of."""

    settings: Settings
    store: Store
    services: Services
    app: object
    tools: MountedTools
    worker: LocalWorker | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


async def _serve(settings: Settings, listener: socket.socket, *, demo: bool, worker: bool) -> int:
    async with assembled(settings, worker=worker) as parts:
        _tune()
        server = HttpServer(parts.app, on_stop=parts.stopping.set)
        async with asyncio.TaskGroup() as group:
            engine = group.create_task(run_engine(parts), name="engine")
            serving = group.create_task(server.serve(sockets=[listener]), name="http")
            tools = group.create_task(parts.tools.run(), name="tools")
            working = group.create_task(_work(parts), name="worker")
            show = group.create_task(
                announce(settings, parts.app, parts.store.feed, demo=demo, worker=parts.worker),
                name="announce",
            )
            await parts.stopping.wait()
            log.info("stopping")
            show.cancel()
            parts.services.drain.start()
            if parts.worker is not None:
                parts.worker.stop()
            await asyncio.wait({working})
            server.should_exit = True
            await asyncio.wait({serving})
            tools.cancel()
            engine.cancel()
    return 0


@asynccontextmanager
async def assembled(settings: Settings, *, worker: bool) -> AsyncGenerator[Parts]:
    """Open the database and put the parts together; everything is closed again at the end."""
    store = await open_store(
        settings.database_url,
        durability=Durability(settings.durability),
        clock=steady_clock(),
        migrate=await is_empty_postgres(settings),
    )
    try:
        classes = [
            TaskClass(name, round(entry.timeout_seconds * 1e6), network=entry.network)
            for name, entry in settings.task_classes.items()
        ]
        await store.execute(ensure_defaults(classes))
        services = _services(settings, store)
        app = create_native_app(services)
        tools = MountedTools(app)
        parts = Parts(settings, store, services, app, tools)
        if worker:
            parts.worker = await LocalWorker.prepare(
                settings, InProcessTransport(app), WorkerPlan.embedded(settings)
            )
        yield parts
    finally:
        await store.close()


def _services(settings: Settings, store: Store) -> Services:
    token = settings.server.token
    scripts = ScriptIndex(settings.scripts.folders)
    scripts.reload()
    return Services(
        store=store,
        settings=ApiSettings(
            version=version(DISTRIBUTION),
            hosts=frozenset({settings.server.host, *settings.server.hosts}),
            token=None if token is None else token.get_secret_value(),
            body_bytes=settings.limits.body_bytes,
            bulk_body_bytes=settings.limits.bulk_body_bytes,
            json_depth=settings.limits.json_depth,
            warn_multiplier=settings.stale.warn_multiplier,
            fail_multiplier=settings.stale.fail_multiplier,
            purge_after_days=settings.purge.after_days,
            consoles=settings.console.enabled,
            console_idle_seconds=settings.console.idle_minutes * 60,
        ),
        scripts=scripts,
        blobs=BlobStore(blob_folder(settings)),
        pages=Pages(WEB),
        attempts=settings.data_dir / "worker" / "attempts",
        roots=tuple(settings.directories.roots),
        user_environment=user_environment(os.environ),
        instance=f"{secrets.token_hex(3)}{os.getpid():x}",
        started_at=store.now(),
        logger=logging.getLogger("muster.api"),
    )


async def run_engine(parts: Parts) -> None:
    """The server-side loops, until cancelled."""
    store, settings = parts.store, parts.settings
    rules = StaleRules(settings.stale.warn_multiplier, settings.stale.fail_multiplier)
    retention = Retention(settings.purge.after_days, settings.archive.after_days)
    await supervise(
        [
            Loop("rescuer", lambda: run_rescuer(store, rules)),
            Loop("sealer", lambda: run_sealer(store)),
            Loop("projector", lambda: run_projector(store)),
            Loop("presence", lambda: run_presence(store)),
            Loop("merge-watch", lambda: run_merge_watch(store)),
            Loop("pruner", lambda: run_pruner(store, retention, parts.services.blobs)),
        ]
    )


async def _work(parts: Parts) -> None:
    if parts.worker is not None:
        await parts.worker.run()
