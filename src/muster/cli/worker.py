"""`muster worker`: work on a queue by hand (a person, or a chat session at a terminal), and list workers."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Final, TypeVar, cast

import typer

from muster.cli.claim_book import ClaimBook, HeldClaim
from muster.cli.connection import Connection, path
from muster.cli.hosts import size
from muster.cli.invocation import Invocation, group, invocation
from muster.cli.output import Column, Record, since
from muster.cli.task_text import instruction_lines, task_lines
from muster.client.errors import Unreachable
from muster.domain.errors import Conflict, InvalidInput

T = TypeVar("T")
RETRY_SECONDS: Final = 3.0
OVER: Final = frozenset({"cancel", "lost"})
"""What a heartbeat says of a task that is not in hand any more."""

app: Final = group("Start a worker on this host, list workers, work by hand.")


def _fact(row: Record, name: str) -> object:
    return cast(dict[str, Any], row.get("facts") or {}).get(name)


WORKER_COLUMNS: Final = (
    Column("worker", "id"),
    Column("live", "live"),
    Column("host", "host", spare=True),
    Column("sandbox", "sandbox"),
    Column("running", "running", right=True),
    Column("capacity", "capacity", right=True),
    Column("load", lambda row: _fact(row, "load"), right=True, spare=True),
    Column("free memory", lambda row: size(_fact(row, "memory_free_bytes")), right=True, spare=True),
    Column("last seen", lambda row: since(row.get("last_seen_at")), spare=True),
)


class WorkerLocked(Conflict):
    """Another manual worker (process {pid}) already works on queue {queue}. End that one first."""

    code = "worker_locked"


@app.command("list")
def list_workers(context: typer.Context) -> None:
    """List workers: those that are connected, and those that were lately."""
    call = invocation(context)
    with call.connection() as connection:
        found = cast(list[dict[str, Any]], connection.get(path("workers"))["items"])
    call.output.table(found, WORKER_COLUMNS, empty="No worker has called yet.")


@app.command("show")
def show(context: typer.Context, name: Annotated[str, typer.Argument(metavar="WORKER")]) -> None:
    """Show a worker: its host, its agents and what runs there now."""
    from muster.cli.hosts import show_worker

    show_worker(context, name)


@app.command("start")
def start(
    context: typer.Context,
    server: Annotated[
        str | None, typer.Option("--server", metavar="URL", help="Address of the server, https://HOST.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", help="The server's token; MUSTER_TOKEN keeps it out of process lists."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Of this worker, of its own. Default: worker-HOST.")
    ] = None,
    capacity: Annotated[int | None, typer.Option("--capacity", min=1, help="Tasks run at once.")] = None,
    labels: Annotated[
        str,
        typer.Option("--labels", metavar="A,B", help="What it offers to tasks that require it: gpu,fast."),
    ] = "",
    queues: Annotated[
        list[str] | None,
        typer.Option("--queue", metavar="QUEUE", help="Take work only of this one; repeatable."),
    ] = None,
    projects: Annotated[
        list[str] | None, typer.Option("--project", help="Take work only of this one; repeatable.")
    ] = None,
    sandbox: Annotated[
        str | None,
        typer.Option("--sandbox", help="auto, bubblewrap, process, container, gvisor, firecracker."),
    ] = None,
    drain: Annotated[
        float,
        typer.Option("--drain", metavar="SECONDS", min=0, help="Patience with what runs, when told to end."),
    ] = 30.0,
) -> None:
    """Run tasks on this host until SIGTERM or Ctrl-C.

    It calls the server, never the other way round. A server that is away is waited for; what runs goes on meanwhile.
    """
    call = invocation(context)
    for key, value in (
        ("server.url", server),
        ("server.token", token),
        ("worker.capacity", capacity),
        ("worker.sandbox", sandbox),
    ):
        call.override(key, value)
    settings = call.settings()
    from muster.bootstrap.local_worker import WorkerPlan
    from muster.bootstrap.worker_process import run_worker, state_dir_of

    own = name or f"worker-{socket.gethostname()}"
    run_worker(
        settings,
        WorkerPlan(
            name=own,
            state_dir=state_dir_of(settings, own),
            labels=[label.strip() for label in labels.split(",") if label.strip()],
            queues=queues,
            projects=projects,
            drain_seconds=drain,
        ),
    )


@app.command("run")
def run(
    context: typer.Context,
    queue: Annotated[str, typer.Argument(metavar="QUEUE")],
    once: Annotated[bool, typer.Option("--once", help="Hand out one task and end.")] = False,
    run_all: Annotated[bool, typer.Option("--run", help="Task after task until the queue is empty.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Task after task, waiting for new ones.")] = False,
    poll: Annotated[float | None, typer.Option("--poll", metavar="SECONDS", min=1, max=60)] = None,
) -> None:
    """Print the tasks of a queue, one after another, for you to do.

    The next task comes when the one before was reported from any shell with 'muster complete' or
    'muster fail'. Ctrl-C ends the worker; the task in hand stays claimed and can still be reported.
    """
    if once + run_all + watch != 1:
        raise InvalidInput(field="worker run", problem="give one of --once, --run and --watch")
    call = invocation(context)
    settings = call.settings()
    worker_id = f"worker-{socket.gethostname()}-{queue}"
    with queue_lock(settings.data_dir, queue), call.connection() as connection:
        details = connection.get(path("queues", queue))
        worker = ManualWorker(
            call,
            connection,
            ClaimBook(settings.data_dir),
            worker_id,
            queue,
            poll or settings.manual_worker.poll_seconds,
        )
        worker.introduce(str(details.get("instructions") or ""))
        if once:
            worker.hand_out(wait=0)
        else:
            worker.work(watch=watch)


class ManualWorker:
    """Claims for a person: prints each task and waits until it was reported. Waiting is one long-polled call."""

    def __init__(
        self,
        call: Invocation,
        connection: Connection,
        book: ClaimBook,
        worker_id: str,
        queue: str,
        poll: float,
    ) -> None:
        self._output = call.output
        self._connection = connection
        self._book = book
        self._worker_id = worker_id
        self._queue = queue
        self._poll = poll
        self._pause = Event()

    def introduce(self, instructions: str) -> None:
        """Say who works on what, and print the queue's instructions."""
        self._output.note(f"{self._worker_id} works on queue {self._queue}")
        if self._output.as_json:
            self._output.text(
                _line({"event": "instructions", "queue": self._queue, "instructions": instructions})
            )
            return
        for line in instruction_lines(self._queue, instructions):
            self._output.text(line)

    def work(self, *, watch: bool) -> None:
        """Task after task; ends when none is ready, or never with `watch`. A task left from before comes first."""
        for held in self._book.all():
            if held.agent_id == self._worker_id and held.queue == self._queue:
                self._output.note(f"{held.task_id} is still in hand: {held.title}")
                self._await_report(held)
        while True:
            held = self._patiently(lambda: self.hand_out(wait=self._poll if watch else 0), watch=watch)
            if held is not None:
                self._await_report(held)
            elif not watch:
                return

    def _patiently(self, call: Callable[[], T], *, watch: bool = True) -> T:
        """Call the server; while it does not answer, say so once and try again every few seconds."""
        told = False
        while True:
            try:
                return call()
            except Unreachable as error:
                if not watch:
                    raise
                if not told:
                    self._output.note(f"{error.message} Waiting for it.")
                told = True
                self._pause.wait(RETRY_SECONDS)

    def hand_out(self, *, wait: float) -> HeldClaim | None:
        """Claim the next task and print it; None when none is ready within `wait` seconds."""
        body = {
            "agent_id": self._worker_id,
            "worker_id": self._worker_id,
            "queues": [self._queue],
            "wait_seconds": wait,
        }
        answer = self._connection.post(path("claims"), body, wait=wait)
        claims = cast(list[dict[str, Any]], answer["claims"])
        if not claims:
            if wait == 0:
                self._output.note(f"Nothing to do: {answer.get('reason') or 'the queue is empty'}")
            return None
        held = self._book.keep(claims[0], self._worker_id)
        if self._output.as_json:
            self._output.text(_line({"event": "task", **claims[0]}))
        else:
            for line in task_lines(claims[0]):
                self._output.text(line)
        return held

    def _await_report(self, held: HeldClaim) -> None:
        """Keep the lease alive until the task is over: reported, cancelled or taken back."""
        target = path("workers", self._worker_id, "heartbeat")
        lease = {"attempt_id": held.attempt_id, "token": held.token}
        body = {"leases": [lease], "capacity": 1, "queues": [self._queue], "wait_seconds": self._poll}
        while True:
            answer = self._patiently(lambda: self._connection.post(target, body, wait=self._poll))
            kinds = {word["kind"] for word in answer["directives"]}
            if kinds & OVER:
                break
            if kinds:  # not for a person at work by hand; it would come again at once
                self._pause.wait(RETRY_SECONDS)
        self._book.forget(held.task_id)
        state = str(self._connection.get(path("tasks", held.task_id)).get("state"))
        if self._output.as_json:
            self._output.text(_line({"event": "over", "task_id": held.task_id, "state": state}))
        else:
            self._output.note(f"{held.task_id} is {state}")


@contextmanager
def queue_lock(data_dir: Path, queue: str) -> Generator[None]:
    """Let one manual worker of this machine work on a queue at a time; WorkerLocked names the other one."""
    from muster.bootstrap.daemon import prepare_data_dir
    from muster.bootstrap.only_one import only_one

    prepare_data_dir(data_dir)
    folder = data_dir / "locks"
    folder.mkdir(mode=0o700, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9_.-]", lambda match: f"%{ord(match[0]):x}", queue)[:150]
    with only_one(folder / f"worker-{name}.lock", lambda pid: WorkerLocked(pid=pid, queue=queue)):
        yield


def _line(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
