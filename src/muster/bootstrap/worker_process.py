"""`muster worker start`: a worker in a process of its own, on any host that reaches the server."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import uvloop
from rich.console import Console
from rich.markup import escape

from muster.bootstrap.daemon import client_url, prepare_data_dir
from muster.bootstrap.local_worker import LocalWorker, WorkerPlan
from muster.bootstrap.logs import configure_logging
from muster.bootstrap.only_one import only_one
from muster.bootstrap.settings import Settings, is_loopback
from muster.bootstrap.terminal import wants_plain_text
from muster.client.http import HttpTransport
from muster.domain.errors import Conflict

log = logging.getLogger("muster.worker")

LOCK_NAME: Final = "worker.lock"


class WorkerRuns(Conflict):
    """A worker named {name} (process {pid}) already runs on this host. Give this one another --name."""

    code = "worker_runs"


def state_dir_of(settings: Settings, name: str) -> Path:
    """Where a worker of that name keeps its attempts and its agents' homes."""
    folder = re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"%{ord(match[0]):x}", name)[:150]
    return settings.data_dir / "workers" / folder


def run_worker(settings: Settings, plan: WorkerPlan) -> None:
    """Work until SIGTERM or Ctrl-C: then claim no more, let what runs end, and leave. A second signal gives it back at once.

    WorkerRuns when there is one of that name already; ApiError when the server refuses it.
    """
    configure_logging(settings)
    prepare_data_dir(settings.data_dir)
    plan.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_one(plan.state_dir / LOCK_NAME, lambda pid: WorkerRuns(name=plan.name, pid=pid)):
        uvloop.run(_work(settings, plan))


async def _work(settings: Settings, plan: WorkerPlan) -> None:
    url = client_url(settings)
    worker = await LocalWorker.prepare(settings, HttpTransport(url), plan)
    _announce(worker, url)
    _obey_signals(worker)
    await worker.run()
    log.info("%s has ended", plan.name)


def _obey_signals(worker: LocalWorker) -> None:
    asked = False

    def end() -> None:
        nonlocal asked
        if asked:
            log.warning("giving back at once what runs")
            worker.stop()
            return
        asked = True
        log.info("claiming no more; waiting for what runs, at most %g s", worker.options.drain_seconds)
        worker.drain()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)


def _announce(worker: LocalWorker, url: str) -> None:
    console = Console(stderr=True, no_color=wants_plain_text(), highlight=False)
    options, level = worker.options, worker.capabilities.level
    console.print(f"[bold]{escape(options.worker_id)}[/] works for [bold]{escape(url)}[/]", soft_wrap=True)
    if url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
        console.print(
            "  [yellow]warning[/]    not encrypted: give the server's https:// address", soft_wrap=True
        )
    console.print(f"  capacity   {options.capacity} at once")
    note = "" if level != "process" else " [yellow](no isolation: scripts can do what you can)[/]"
    console.print(f"  sandbox    {level}{note}")
    for passed in worker.levels.passed_over:
        console.print(f"  [yellow]without[/]    {passed.level}: {escape(passed.reason)}", soft_wrap=True)
    console.print(f"  agents     {', '.join(worker.agents)}", soft_wrap=True)
