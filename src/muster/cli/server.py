"""The server's own verbs: up, start, stop, restart, status."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from muster.cli.exits import CommandFailed
from muster.cli.invocation import Invocation, invocation
from muster.cli.output import duration, money

if TYPE_CHECKING:
    from muster.bootstrap.daemon import Running
    from muster.bootstrap.settings import Settings
    from muster.cli.connection import Connection

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int | None, typer.Option("--port", help="TCP port to listen on.")]
Demo = Annotated[bool, typer.Option("--demo", help="Make a small repository and a dozen tasks to look at.")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Take and hand out work, but run none.")]
Durability = Annotated[str | None, typer.Option("--durability", help="strict, default or relaxed.")]
LogLevel = Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait.")]


class StartFailed(CommandFailed):
    """The server did not start."""

    code = "start_failed"


class StopFailed(CommandFailed):
    """The server (process {pid}) has not ended within {seconds:g} seconds; it may be finishing work.
    End it at once with 'muster stop --kill'.
    """

    code = "stop_failed"


def up(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    demo: Demo = False,
    no_worker: NoWorker = False,
    durability: Durability = None,
    log_level: LogLevel = None,
) -> None:
    """Run the server in this terminal until Ctrl-C."""
    call = _with_flags(invocation(context), host, port, durability, log_level)
    settings = call.settings()
    from muster.bootstrap.daemon import registered

    _warn_of_misspelt_variables(call)
    with registered(settings):
        from muster.bootstrap.server import run

        code = run(settings, demo=demo, worker=settings.worker.enabled and not no_worker)
    raise typer.Exit(code)


def start(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    demo: Demo = False,
    no_worker: NoWorker = False,
    durability: Durability = None,
    log_level: LogLevel = None,
    timeout: Timeout = 30,
) -> None:
    """Start the server in the background; wait until it takes work."""
    call = _with_flags(invocation(context), host, port, durability, log_level)
    _start(call, demo=demo, no_worker=no_worker, timeout=timeout)


def stop(
    context: typer.Context,
    timeout: Timeout = 40,
    kill: Annotated[
        bool, typer.Option("--kill", help="End it at once; running tasks are retried later.")
    ] = False,
) -> None:
    """Stop the background server; it finishes what it is writing. Fine when none runs."""
    call = invocation(context)
    stopped = _stop(call, timeout=timeout, kill=kill)
    message = (
        f"Stopped the server (process {stopped.pid})."
        if stopped
        else "No server runs with this data directory."
    )
    call.output.done(message, {"stopped": stopped is not None, "pid": stopped.pid if stopped else None})


def restart(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    no_worker: NoWorker = False,
    timeout: Timeout = 40,
) -> None:
    """Stop the server if it runs, and start it again."""
    call = _with_flags(invocation(context), host, port, None, None)
    if _stop(call, timeout=timeout, kill=False) is not None:
        call.output.note("Stopped the server.")
    _start(call, demo=False, no_worker=no_worker, timeout=timeout)


def status(context: typer.Context) -> None:
    """Show what the server does now: counts, waiting work, workers, money."""
    call = invocation(context)
    with call.connection() as connection:
        answer = connection.get("/api/v1/status")
        if call.output.as_json:
            call.output.json(answer)
            return
        call.output.record(answer, _status_fields(answer, connection.url))
        workers = [row for row in cast(list[dict[str, Any]], answer["workers"]) if row["live"]]
        if workers:
            from muster.cli.worker import WORKER_COLUMNS

            call.output.text("")
            call.output.table(workers, WORKER_COLUMNS, empty="No worker is connected.")


def _status_fields(answer: dict[str, Any], url: str) -> list[tuple[str, object]]:
    waiting = cast(list[dict[str, Any]], answer["waiting"])
    tasks = cast(dict[str, int], answer["tasks"])
    allocated = answer["allocated_usd"]
    spent = money(answer["spent_usd"]) + (f" of {money(allocated)}" if allocated else "")
    if answer["reserved_usd"]:
        spent += f", {money(answer['reserved_usd'])} reserved"
    return [
        ("server", url),
        ("version", answer["version"]),
        ("up for", duration(answer["uptime_seconds"])),
        ("database", answer["database"]),
        ("tasks", ", ".join(f"{count} {state}" for state, count in tasks.items() if count) or "none"),
        ("to review", answer["reviews"] or None),
        ("not looked at", answer["unseen"] or None),
        ("waiting", "\n".join(f"{item['count']} {item['message']}" for item in waiting)),
        ("spent", spent),
    ]


def _with_flags(
    call: Invocation, host: str | None, port: int | None, durability: str | None, log_level: str | None
) -> Invocation:
    call.override("server.host", host)
    call.override("server.port", port)
    call.override("durability", durability)
    call.override("log.level", log_level)
    return call


def _warn_of_misspelt_variables(call: Invocation) -> None:
    from muster.bootstrap.loading import misspelt_variables

    for warning in misspelt_variables():
        call.output.note(f"muster: {warning}")


def _start(call: Invocation, *, demo: bool, no_worker: bool, timeout: float) -> None:
    from muster.bootstrap.daemon import log_path, running_server, spawn

    settings = call.settings()
    present = running_server(settings.data_dir)
    if present is not None:
        call.output.done(
            f"The server runs already (process {present.pid}) at {present.url}", _started(present, True)
        )
        return
    _refuse_taken_address(settings)
    _warn_of_misspelt_variables(call)
    flags = [flag for flag, given in (("--demo", demo), ("--no-worker", no_worker)) if given]
    process = spawn(settings, flags, _as_variables(call))
    _await_ready(call, process, settings, timeout)
    started = running_server(settings.data_dir)
    call.output.done(
        f"The server runs (process {process.pid}) at {settings.listen_url}, logging to {log_path(settings)}",
        _started(started, False) if started else {"pid": process.pid, "url": settings.listen_url},
    )


def _refuse_taken_address(settings: Settings) -> None:
    """Another server that answers at the address would pass for the one that is to be started."""
    from muster.cli.connection import Connection

    if settings.server.port and Connection(settings.listen_url).ready():
        raise StartFailed(
            f"The server was not started: a server with another data directory answers at {settings.listen_url}. "
            "Choose another port with --port or MUSTER_PORT."
        )


def _started(server: Running, already: bool) -> dict[str, Any]:
    return {"pid": server.pid, "url": server.url, "already_running": already}


def _as_variables(call: Invocation) -> dict[str, str]:
    """The flags of this invocation for the new process, out of sight of `ps`."""
    from muster.bootstrap.loading import variable_names

    by_key = {key: variable for variable, key in variable_names().items()}
    variables = {by_key[key]: value for key, value in call.overrides.items() if key in by_key}
    if call.config is not None:
        variables["MUSTER_CONFIG"] = str(call.config.absolute())
    return variables


def _await_ready(
    call: Invocation, process: subprocess.Popen[bytes], settings: Settings, timeout: float
) -> None:
    """Return when the server answers; StartFailed with the end of its log when it ends or takes too long."""
    import time

    from muster.bootstrap.daemon import log_path
    from muster.cli.connection import Connection

    connection: Connection = Connection(settings.listen_url)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            process.wait(timeout=0.05)
        except subprocess.TimeoutExpired:
            if connection.ready() and process.poll() is None:
                return
        else:
            raise StartFailed(
                f"The server did not start: {_last_words(settings)}", log=str(log_path(settings))
            )
    raise StartFailed(
        f"The server (process {process.pid}) does not answer at {settings.listen_url} after {timeout:g} s; "
        f"see {log_path(settings)}"
    )


def _last_words(settings: Settings) -> str:
    from muster.bootstrap.daemon import log_path

    path = log_path(settings)
    lines = path.read_bytes()[-4000:].decode("utf-8", "replace").splitlines() if path.exists() else []
    return f"{lines[-1] if lines else 'it said nothing'} (log: {path})"


def _stop(call: Invocation, *, timeout: float, kill: bool) -> Running | None:
    from muster.bootstrap.daemon import running_server
    from muster.bootstrap.daemon import stop as stop_process

    present = running_server(call.settings().data_dir)
    if present is not None and not stop_process(present, timeout, kill=kill):
        raise StopFailed(pid=present.pid, seconds=timeout)
    return present
