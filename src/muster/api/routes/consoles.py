"""Consoles: shells in sandboxes, for people who operate."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from muster.api.consoles import Consoles
from muster.api.hot import HotRoute
from muster.api.routes.sandboxes import open_sandbox, task_of
from muster.api.routing import Route
from muster.api.schemas.sandboxes import Console, ConsoleSize
from muster.api.schemas.shape import Done
from muster.api.services import Services, ServicesHere
from muster.client import wire_consoles as wire
from muster.commands.consoles import note_console
from muster.domain import ids
from muster.domain.console import NOT_ISOLATING, NoConsole, console_problem
from muster.domain.events_runs import ConsoleOpened


async def open_console(
    services: ServicesHere, request: Request, sandbox_id: str, body: ConsoleSize
) -> Console:
    """Open a shell in a sandbox, beside what runs there.

    That it was opened is recorded, with where from; what is typed is not. It ends with the sandbox, when it is closed, and
    when nothing is typed for longer than `console.idle_minutes`.
    """
    row = await open_sandbox(services, sandbox_id)
    problem = console_problem(row.level, enabled=services.consoles.enabled)
    if problem is not None:
        raise NoConsole(problem=problem)
    task, attempt = task_of(row), row.attempt_id or 0
    by = request.client.host if request.client else "this machine"
    opened = services.consoles.open(ids.encode(ids.ATTEMPT, attempt), body.columns, body.rows)
    fact = ConsoleOpened(sandbox=row.id, worker_id=row.worker_id, level=row.level, by=by)
    try:
        await services.store.execute(note_console(attempt, fact))
    except BaseException:
        # Nobody was told its id, so that nothing was typed into one that is not recorded.
        services.consoles.close(opened.id)
        raise
    return Console(
        id=opened.id,
        sandbox_id=row.id,
        task_id=ids.encode(ids.TASK, task),
        level=row.level,
        isolated=row.level not in NOT_ISOLATING,
        idle_minutes=services.settings.console_idle_seconds / 60,
    )


async def close_console(services: ServicesHere, console_id: str) -> Done:
    """Close a console; its shell ends."""
    services.consoles.close(console_id)
    return Done(id=console_id, done="closed")


ROUTES: Final = (
    Route("POST", "/sandboxes/{sandbox_id}/console", open_console, (404, 409)),
    Route("DELETE", "/consoles/{console_id}", close_console, (404,)),
)


def _route(name: str, operation: str, summary: str, **more: Any) -> HotRoute[Any, Any]:
    path = f"/api/v1/consoles/{{console_id}}/{name}"
    return HotRoute(path=path, operation_id=operation, tag="consoles", summary=summary, errors=(404,), **more)


def console_routes(services: Services) -> list[HotRoute[Any, Any]]:
    """The hot routes of consoles: two of whoever opened one, two of its worker."""
    return [*_routes_of_people(services.consoles), *_routes_of_workers(services.consoles)]


def _routes_of_people(calls: Consoles) -> list[HotRoute[Any, Any]]:
    return [
        _route(
            "write",
            "write_console",
            "Type into a console (base64)",
            example={"position": 0, "data": "bHMK", "columns": 80, "rows": 24},
            request=wire.ConsoleWrite,
            answer=wire.ConsoleWritten,
            handler=calls.write,
        ),
        _route(
            "read",
            "read_console",
            "What a console shows from a position on (base64), waiting for some",
            example={"position": 0, "wait_seconds": 20},
            request=wire.ConsoleRead,
            answer=wire.ConsoleShown,
            handler=calls.read,
        ),
    ]


def _routes_of_workers(calls: Consoles) -> list[HotRoute[Any, Any]]:
    return [
        _route(
            "output",
            "give_console_output",
            "Of a worker: what the shell said; waits for room",
            example={"position": 0, "data": "JCA="},
            request=wire.ConsoleOutput,
            answer=wire.ConsoleTaken,
            handler=calls.output,
        ),
        _route(
            "input",
            "take_console_input",
            "Of a worker: what was typed from a position on, waiting for some",
            example={"position": 0, "wait_seconds": 20},
            request=wire.ConsoleInput,
            answer=wire.ConsoleTyped,
            handler=calls.input,
        ),
    ]
