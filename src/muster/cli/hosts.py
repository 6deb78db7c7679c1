"""Hosts and what runs there: `muster sandboxes`, `muster worker show`."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import typer

from muster.cli.connection import path
from muster.cli.invocation import invocation
from muster.cli.output import Column, Record, since

UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def size(value: object) -> str:
    """Bytes as `512 B`, `3.4 GiB`; `-` for none."""
    if not isinstance(value, (int, float)):
        return "-"
    amount, unit = float(value), 0
    while amount >= 1024 and unit < len(UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {UNITS[unit]}" if unit == 0 or amount >= 100 else f"{amount:.1f} {UNITS[unit]}"


def _last(name: str) -> Any:
    def value(row: Record) -> object:
        samples = cast(list[dict[str, Any]], row.get("samples") or [])
        return samples[-1][name] if samples else None

    return value


def _cpu(row: Record) -> str:
    """Processors' worth of time between the last two samples."""
    samples = cast(list[dict[str, Any]], row.get("samples") or [])
    if len(samples) < 2:
        return "-"
    from datetime import datetime

    before, after = samples[-2], samples[-1]
    span = (datetime.fromisoformat(after["at"]) - datetime.fromisoformat(before["at"])).total_seconds()
    return f"{max(after['cpu_seconds'] - before['cpu_seconds'], 0) / span:.0%}" if span > 0 else "-"


def _network(row: Record) -> str:
    return ", ".join(cast(list[str], row.get("allow_hosts") or [])) or str(row.get("network") or "-")


def _moved(name: str) -> Any:
    """Bytes received or sent; never 0 where nobody counts."""

    def value(row: Record) -> str:
        moved = _last(name)(row)
        return "not counted" if moved is None and row.get("no_traffic") else size(moved)

    return value


SANDBOX_COLUMNS: Final = (
    Column("task", "task_id"),
    Column("title", "title", flexible=True, clipped=True),
    Column("agent", "agent"),
    Column("sandbox", "level"),
    Column("state", "state"),
    Column("cpu", _cpu, right=True),
    Column("memory", lambda row: size(_last("memory_bytes")(row)), right=True),
    Column("processes", _last("processes"), right=True),
    Column("disk", lambda row: size(_last("disk_bytes")(row)), right=True),
    Column("network", _network, spare=True),
    Column("received", _moved("rx_bytes"), right=True, spare=True),
    Column("sent", _moved("tx_bytes"), right=True, spare=True),
    Column("open", lambda row: since(row.get("created_at")), spare=True),
    Column("id", "id", spare=True),
    Column("worker", "worker_id", spare=True),
)


def sandboxes(
    context: typer.Context,
    kill: Annotated[
        str | None,
        typer.Option(
            "--kill", metavar="ID", help="End this one with all that runs in it; its task is cancelled."
        ),
    ] = None,
) -> None:
    """List open sandboxes with what each uses; end one."""
    call = invocation(context)
    with call.connection() as connection:
        if kill is not None:
            connection.delete(path("sandboxes", kill))
            call.output.done(f"Sandbox {kill} is killed and its task cancelled.", {"id": kill})
            return
        found = cast(list[dict[str, Any]], connection.get(path("sandboxes"))["items"])
    call.output.table(found, SANDBOX_COLUMNS, empty="No sandbox is open.")


def show_worker(context: typer.Context, name: str) -> None:
    """Show a worker: its host, its agents and what runs there now."""
    call = invocation(context)
    with call.connection() as connection:
        row = connection.get(path("workers", name))
        open_there = [
            entry
            for entry in cast(list[dict[str, Any]], connection.get(path("sandboxes"))["items"])
            if entry["worker_id"] == name
        ]
    if call.output.as_json:
        call.output.json({**row, "sandboxes": open_there})
        return
    call.output.record(row, worker_fields(row))
    if open_there:
        call.output.text("")
        call.output.table(open_there, SANDBOX_COLUMNS, empty="")


def worker_fields(row: Record) -> list[tuple[str, object]]:
    """A worker and its host, line by line."""
    facts = cast(dict[str, Any], row["facts"])

    def each(name: str) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], facts.get(name) or [])

    memory = f"{size(facts.get('memory_free_bytes'))} free of {size(facts.get('memory_bytes'))}"
    load = facts.get("load")
    return [
        ("worker", row["id"]),
        ("state", "live" if row["live"] else f"gone {since(row['left_at'] or row['last_seen_at'])}"),
        ("host", row["host"]),
        ("version", row["version"]),
        ("started", since(row["started_at"])),
        ("last seen", since(row["last_seen_at"])),
        ("runs", f"{row['running']} of {row['capacity']}"),
        ("sandbox", row["sandbox"]),
        ("labels", ", ".join(label for label in cast(list[str], row["capabilities"]) if ":" not in label)),
        ("load", f"{load:g} on {facts.get('processors')} processors" if load is not None else None),
        ("memory", memory if facts.get("memory_bytes") else None),
        ("gpu", "\n".join(_gpu(gpu) for gpu in each("gpus"))),
        ("agents", "\n".join(_agent(agent) for agent in each("agents"))),
        ("levels", "\n".join(_level(level) for level in each("levels"))),
        ("warm", _pool(facts.get("warm"))),
    ]


def _gpu(gpu: dict[str, Any]) -> str:
    return f"{gpu['name']}, {size(gpu.get('memory_used_bytes'))} used of {size(gpu.get('memory_bytes'))}"


def _agent(agent: dict[str, Any]) -> str:
    words = f"{agent['name']} {agent['version']}".strip()
    return words if agent["signed_in"] else f"{words} (not signed in)"


def _pool(pool: dict[str, Any] | None) -> str | None:
    if pool is None:
        return None
    standing = f"{pool['ready']} of {pool['wanted']} sandboxes stand ready, {size(pool['memory_bytes'])}"
    return f"{standing}; {pool['served']} programs began in one, {pool['missed']} waited for a new one"


def _level(level: dict[str, Any]) -> str:
    return level["level"] if level["available"] else f"{level['level']}: {level['reason']}"
