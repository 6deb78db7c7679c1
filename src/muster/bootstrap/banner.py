"""What `muster up` says in its terminal: where to look, what is in force, and how the demo goes."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from muster.bootstrap.demo import Demo, seed
from muster.bootstrap.local_worker import LocalWorker
from muster.bootstrap.paths import demo_folder
from muster.bootstrap.settings import Settings
from muster.bootstrap.terminal import wants_plain_text
from muster.client.client import Client
from muster.client.errors import ApiError
from muster.client.in_process import InProcessTransport
from muster.domain.errors import MusterError
from muster.store.feed import Feed

_MARKS: Final = {"succeeded": "[green]✓[/]", "failed": "[red]✗[/]", "cancelled": "[yellow]-[/]"}


async def announce(
    settings: Settings, app: Any, feed: Feed, *, demo: bool, worker: LocalWorker | None
) -> None:
    """Print where the server is; with `demo`, queue the demo's tasks and tell how each ends."""
    console = Console(stderr=True, no_color=wants_plain_text(), highlight=False)
    _where(console, settings, worker)
    if not demo:
        return
    token = settings.server.token
    client = Client(InProcessTransport(app), token=None if token is None else token.get_secret_value())
    try:
        seeded = await seed(client, demo_folder(settings.data_dir))
        if worker is None and not seeded.known:
            console.print(
                f"  {len(seeded.task_ids)} demo tasks are queued; no worker runs them (--no-worker)"
            )
            return
        if seeded.known:
            console.print(
                f"  demo       its {len(seeded.task_ids)} tasks are here from an earlier start",
                soft_wrap=True,
            )
        else:
            await _follow(console, client, feed, seeded)
        _look_around(console, settings, seeded)
    except (MusterError, ApiError) as error:
        console.print(f"[red]the demo stopped:[/] {escape(str(error))}", soft_wrap=True)
    finally:
        await client.close()


def _where(console: Console, settings: Settings, worker: LocalWorker | None) -> None:
    console.print(f"[bold]muster[/] is up at [bold]{settings.listen_url}[/]")
    kind = "PostgreSQL" if settings.database_url.startswith("postgres") else "SQLite"
    console.print(
        f"  database   {kind}, durability {settings.durability}; data in {settings.data_dir}", soft_wrap=True
    )
    if worker is None:
        console.print("  worker     none in this process")
        return
    level = worker.capabilities.level
    note = "" if level != "process" else " [yellow](no isolation: scripts can do what you can)[/]"
    console.print(f"  worker     {worker.options.capacity} at once, sandbox {level}{note}")
    console.print(f"  agents     {', '.join(worker.agents)}", soft_wrap=True)
    for passed in worker.levels.passed_over:
        console.print(f"  [yellow]without[/]    {passed.level}: {escape(passed.reason)}", soft_wrap=True)


async def _follow(console: Console, client: Client, feed: Feed, demo: Demo) -> None:
    """Tell of each task as it ends; done when all have but the one that waits for somebody's agent."""
    console.print(f"  demo       {len(demo.task_ids)} tasks on {demo.folder}", soft_wrap=True)
    told: set[str] = set()
    own = set(demo.task_ids[:-1])
    while not own <= told:
        position = feed.head
        page = await client.get("/tasks", session=demo.session_id, limit=100)
        for task in sorted(page["items"], key=lambda item: item["finished_at"] or ""):
            if task["state"] in _MARKS and task["id"] not in told:
                told.add(task["id"])
                console.print(f"  {_MARKS[task['state']]} {_ending(task)}", soft_wrap=True)
        if not own <= told:
            await feed.wait(position)


def _ending(task: dict[str, Any]) -> str:
    tries = f", attempt {task['attempts']}" if task["attempts"] > 1 else ""
    error = f": [dim]{escape(str(task['error']).splitlines()[0][:90])}[/]" if task["error"] else ""
    return f"{escape(task['title'])}{tries}{error}"


def _look_around(console: Console, settings: Settings, demo: Demo) -> None:
    url = settings.listen_url
    console.print("\n  One failed and one timed out on purpose; one waits for an agent of yours:")
    console.print(
        f"    curl -s {url}/api/tasks/claim -H 'Content-Type: application/json' -d '{{\"agentId\":\"me\"}}'",
        soft_wrap=True,
    )
    # Commands find the server of the usual data directory by themselves.
    said_now = settings.origins.get("data_dir", "").startswith(("MUSTER_", "flag "))
    elsewhere = f"--url {url} " if said_now else ""
    console.print("\n  Look around in another terminal:")
    for line in (
        "tasks",
        "waiting",
        f"task {demo.task_ids[0]}",
        f"conversation {demo.task_ids[-2]}   (what the agent said and did)",
        f"diff {demo.task_ids[-2]}",
        "agents detect   (which real agents are here)",
        "enqueue --bash 'uname -a'",
    ):
        console.print(f"    .venv/bin/muster {elsewhere}{line}", soft_wrap=True)
    console.print(f"    {url}/api/v1/openapi.json  (the API)\n\n  Ctrl-C stops.")
