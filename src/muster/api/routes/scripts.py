"""Scripts that can be queued by name."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import ValidationError

from muster.api.routes.tasks import shown, submit
from muster.api.routing import Route
from muster.api.schemas.reference import (
    Script,
    ScriptInput,
    ScriptList,
    ScriptOutput,
    ScriptProblem,
    ScriptQuery,
    ScriptsReloaded,
)
from muster.api.schemas.tasks import ScriptEnqueue, Task, TaskCreate
from muster.api.services import Services, ServicesHere
from muster.domain import script as scripts
from muster.domain.errors import InvalidInput
from muster.scripts.index import ScriptIndex


def _index(services: Services) -> ScriptIndex:
    return services.scripts or ScriptIndex(())


def _script(found: scripts.Script) -> Script:
    return Script(
        name=found.name,
        path=found.path,
        kind=found.kind.value,
        description=found.description,
        inputs=[
            ScriptInput(
                name=item.name,
                type=item.type.value,
                required=item.required,
                default=item.default,
                choices=list(item.choices),
                description=item.description,
            )
            for item in found.inputs
        ],
        outputs=[ScriptOutput(name=item.name, description=item.description) for item in found.outputs],
        tags=list(found.tags),
        timeout_seconds=found.timeout_seconds,
        task_class=found.task_class,
    )


def _problems(index: ScriptIndex) -> list[ScriptProblem]:
    return [ScriptProblem(**asdict(problem)) for problem in index.problems]


async def list_scripts(services: ServicesHere, query: Annotated[ScriptQuery, Query()]) -> ScriptList:
    """List scripts, or search them.

    All words must occur in name, description or tags.
    """
    index = _index(services)
    found = index.search(query.q or "", tag=query.tag)
    return ScriptList(items=[_script(item) for item in found], problems=_problems(index))


async def get_script(services: ServicesHere, name: str) -> Script:
    """Show one script."""
    return _script(_index(services).get(name))


async def reload_scripts(services: ServicesHere) -> ScriptsReloaded:
    """Read the folders again."""
    index = _index(services)
    snapshot = await asyncio.to_thread(index.reload)
    return ScriptsReloaded(count=len(snapshot.scripts), problems=_problems(index))


async def enqueue_script(services: ServicesHere, name: str, body: ScriptEnqueue) -> Task:
    """Queue a script by name, its inputs checked.

    The tag `script:NAME` finds its runs again.
    """
    script = _index(services).get(name)
    fields: dict[str, Any] = script.task_fields(body.inputs)
    given = body.model_dump(exclude={"inputs"}, exclude_unset=True, exclude_none=True)
    given["tags"] = [*fields["tags"], scripts.tag_of(name), *given.get("tags", [])]
    try:
        task = TaskCreate.model_validate(fields | given)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InvalidInput(field=".".join(map(str, problem["loc"])), problem=problem["msg"]) from None
    (made,) = await submit(services, [task])
    return await shown(services.store, made.task_id)


ROUTES: Final = (
    Route("GET", "/scripts", list_scripts),
    Route("GET", "/scripts/{name:name}", get_script, (404,)),
    Route("POST", "/scripts/reload", reload_scripts),
    Route("POST", "/scripts/{name:name}/enqueue", enqueue_script, (404, 409), 201),
)
