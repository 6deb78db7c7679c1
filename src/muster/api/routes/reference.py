"""Reference lists: task classes, failure codes, reasons for waiting."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from fastapi import Response

from muster.api.routing import Route
from muster.api.schemas import reference as shapes
from muster.api.schemas.shape import Done
from muster.api.services import ServicesHere
from muster.commands.task_classes import delete_task_class, set_task_class
from muster.domain.admission import WAITING_REASONS
from muster.domain.failure import FAILURES
from muster.domain.task_class import TaskClass
from muster.projections.task_classes import list_task_classes as classes_by_name


async def list_task_classes(services: ServicesHere) -> shapes.TaskClassList:
    """The classes of tasks and their timeouts."""
    return shapes.TaskClassList(
        items=[
            shapes.TaskClass(
                name=entry.name,
                timeout_seconds=entry.timeout_us / 1_000_000,
                description=entry.description,
                network=entry.network,
            )
            for entry in await classes_by_name(services.store)
        ]
    )


async def put_task_class(
    services: ServicesHere, name: shapes.ClassName, body: shapes.TaskClassSet, response: Response
) -> shapes.TaskClass:
    """Define a class or change one.

    Tasks that are queued keep the timeout they got. 201: it is new.
    """
    entry = TaskClass(name, round(body.timeout_seconds * 1_000_000), body.description, body.network)
    new = await services.store.execute(set_task_class(entry))
    response.status_code = 201 if new else 200
    return shapes.TaskClass(
        name=name,
        timeout_seconds=entry.timeout_us / 1_000_000,
        description=body.description,
        network=body.network,
    )


async def remove_task_class(services: ServicesHere, name: str) -> Done:
    """Remove a class of one's own.

    The four built-in ones stay.
    """
    await services.store.execute(delete_task_class(name))
    return Done(id=name, done="deleted")


async def list_failure_codes() -> shapes.FailureCodeList:
    """Why attempts fail, and what happens then."""
    return shapes.FailureCodeList(items=[shapes.FailureCode(**asdict(entry)) for entry in FAILURES.values()])


async def list_waiting_reasons() -> shapes.WaitingReasonList:
    """Why tasks wait."""
    return shapes.WaitingReasonList(
        items=[shapes.WaitingReason(code=code, meaning=words) for code, words in WAITING_REASONS.items()]
    )


ROUTES: Final = (
    Route("GET", "/task-classes", list_task_classes),
    Route("PUT", "/task-classes/{name:name}", put_task_class, (404,), other=((201, shapes.TaskClass),)),
    Route("DELETE", "/task-classes/{name:name}", remove_task_class, (404, 409)),
    Route("GET", "/failure-codes", list_failure_codes),
    Route("GET", "/waiting-reasons", list_waiting_reasons),
)
