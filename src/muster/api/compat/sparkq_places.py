"""SparkQ's sessions, queues and reference lists."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query

from muster.api.compat.dispatch import SPARKQ
from muster.api.compat.sparkq_shapes import (
    SparkClass,
    SparkClassList,
    SparkConfig,
    SparkPrompts,
    SparkQueue,
    SparkQueueCreate,
    SparkQueueList,
    SparkQueuePut,
    SparkQueueQuery,
    SparkScript,
    SparkScriptList,
    SparkSession,
    SparkSessionCreate,
    SparkSessionList,
    SparkSessionPut,
    SparkSessionQuery,
    SparkTool,
    SparkToolList,
    SparkTotals,
    queue_of,
    session_of,
    stats_of,
)
from muster.api.places import find_queue
from muster.api.routing import Route
from muster.api.services import Services, ServicesHere
from muster.commands.queues import archive_queue, create_queue, edit_queue, unarchive_queue
from muster.commands.sessions import create_session, edit_session, end_session
from muster.domain import ids
from muster.domain.queue import Queue, QueueMode
from muster.domain.script import Script
from muster.domain.session import Session
from muster.projections.page import Key
from muster.projections.queues import QueueRow, get_queue, list_queues
from muster.projections.sessions import get_session, list_sessions
from muster.projections.status import counts_by_state
from muster.projections.task_classes import list_task_classes
from muster.store.database import Store


async def _session(store: Store, session_id: int) -> SparkSession:
    return session_of(await get_session(store, session_id))


async def list_sparkq_sessions(
    services: ServicesHere, query: Annotated[SparkSessionQuery, Query()]
) -> SparkSessionList:
    """List sessions, newest first."""
    page = await list_sessions(services.store, status=query.status, limit=query.limit)
    return SparkSessionList(sessions=[session_of(row) for row in page.items])


async def create_sparkq_session(services: ServicesHere, body: SparkSessionCreate) -> SparkSession:
    """Begin a session."""
    made = await services.store.execute(create_session(Session(name=body.name, context=body.description)))
    return await _session(services.store, made)


async def get_sparkq_session(services: ServicesHere, session_id: str) -> SparkSession:
    """Show a session."""
    return await _session(services.store, ids.decode(ids.SESSION, session_id))


async def put_sparkq_session(services: ServicesHere, session_id: str, body: SparkSessionPut) -> SparkSession:
    """Change a session that has not ended."""
    given = body.model_dump(exclude_unset=True)
    if "description" in given:
        given["context"] = given.pop("description")
    number = ids.decode(ids.SESSION, session_id)
    await services.store.execute(edit_session(number, given))
    return await _session(services.store, number)


async def end_sparkq_session(services: ServicesHere, session_id: str) -> SparkSession:
    """End a session."""
    number = ids.decode(ids.SESSION, session_id)
    await services.store.execute(end_session(number))
    return await _session(services.store, number)


async def _queue(store: Store, queue_id: int) -> SparkQueue:
    return queue_of(await get_queue(store, queue_id))


async def list_sparkq_queues(
    services: ServicesHere, query: Annotated[SparkQueueQuery, Query()]
) -> SparkQueueList:
    """List queues by name; archived ones are hidden unless asked for."""
    archived = {"active": False, "archived": True, "all": None}[query.status]
    session = None if query.session_id is None else ids.decode(ids.SESSION, query.session_id)
    rows: list[QueueRow] = []
    after: Key | None = None
    while len(rows) < query.limit:
        page = await list_queues(services.store, archived=archived, after=after, limit=query.limit)
        rows += [row for row in page.items if session is None or row.session_id == session]
        after = page.next
        if after is None:
            break
    return SparkQueueList(queues=[queue_of(row) for row in rows[: query.limit]])


async def create_sparkq_queue(services: ServicesHere, body: SparkQueueCreate) -> SparkQueue:
    """Make a queue: scripts in it are run by muster's workers, everything else waits to be claimed."""
    store = services.store
    session = None if body.session_id is None else ids.decode(ids.SESSION, body.session_id)
    wanted = Queue(
        name=body.name, instructions=body.instructions or "", mode=QueueMode.AUTO, session_id=session
    )
    return await _queue(store, await store.execute(create_queue(wanted)))


async def get_sparkq_queue(services: ServicesHere, queue_id: str) -> SparkQueue:
    """Show a queue, by id or name."""
    return await _queue(services.store, (await find_queue(services.store, queue_id)).queue_id)


async def put_sparkq_queue(services: ServicesHere, queue_id: str, body: SparkQueuePut) -> SparkQueue:
    """Change a queue."""
    number = (await find_queue(services.store, queue_id)).queue_id
    await services.store.execute(edit_queue(number, body.model_dump(exclude_unset=True)))
    return await _queue(services.store, number)


async def archive_sparkq_queue(services: ServicesHere, queue_id: str) -> SparkQueue:
    """Archive a queue: it hands out nothing and takes nothing."""
    number = (await find_queue(services.store, queue_id)).queue_id
    await services.store.execute(archive_queue(number))
    return await _queue(services.store, number)


async def unarchive_sparkq_queue(services: ServicesHere, queue_id: str) -> SparkQueue:
    """Bring an archived queue back."""
    number = (await find_queue(services.store, queue_id)).queue_id
    await services.store.execute(unarchive_queue(number))
    return await _queue(services.store, number)


async def list_sparkq_classes(services: ServicesHere) -> SparkClassList:
    """The classes of tasks and their timeouts."""
    classes = await list_task_classes(services.store)
    return SparkClassList(
        task_classes=[
            SparkClass(name=one.name, timeout=one.timeout_us / 1_000_000, description=one.description)
            for one in classes
        ]
    )


def _scripts(services: Services) -> list[Script]:
    return [] if services.scripts is None else services.scripts.search()


async def list_sparkq_tools(services: ServicesHere) -> SparkToolList:
    """The tools muster runs itself: the scripts."""
    return SparkToolList(
        tools=[
            SparkTool(name=one.name, description=one.description, task_class=one.task_class)
            for one in _scripts(services)
        ]
    )


async def list_sparkq_scripts(services: ServicesHere) -> SparkScriptList:
    """The scripts in the index."""
    return SparkScriptList(
        scripts=[
            SparkScript(
                name=one.name,
                path=one.path,
                description=one.description,
                kind=one.kind.value,
                inputs=[item.name for item in one.inputs],
                tags=list(one.tags),
                task_class=one.task_class,
                timeout=one.timeout_seconds,
            )
            for one in _scripts(services)
        ]
    )


async def list_sparkq_prompts() -> SparkPrompts:
    """Prompts kept for reuse: none are kept yet."""
    return SparkPrompts(prompts=[])


async def get_sparkq_config(services: ServicesHere) -> SparkConfig:
    """The rules in force."""
    settings = services.settings
    return SparkConfig(
        version=settings.version,
        stale_warn_multiplier=settings.warn_multiplier,
        stale_fail_multiplier=settings.fail_multiplier,
        purge_after_days=settings.purge_after_days,
    )


async def get_sparkq_stats(services: ServicesHere) -> SparkTotals:
    """How many tasks there are in each status."""
    return SparkTotals(tasks=stats_of(await counts_by_state(services.store)))


def _route(method: str, path: str, endpoint: Any, errors: tuple[int, ...] = (), status: int = 200) -> Route:
    return Route(method, path, endpoint, errors, status, prefix=SPARKQ)


ROUTES: Final = (
    _route("GET", "/sessions", list_sparkq_sessions),
    _route("POST", "/sessions", create_sparkq_session, (), 201),
    _route("GET", "/sessions/{session_id}", get_sparkq_session, (404,)),
    _route("PUT", "/sessions/{session_id}", put_sparkq_session, (404, 409)),
    _route("PUT", "/sessions/{session_id}/end", end_sparkq_session, (404,)),
    _route("GET", "/queues", list_sparkq_queues, (404,)),
    _route("POST", "/queues", create_sparkq_queue, (404, 409), 201),
    _route("GET", "/queues/{queue_id}", get_sparkq_queue, (404,)),
    _route("PUT", "/queues/{queue_id}", put_sparkq_queue, (404, 409)),
    _route("PUT", "/queues/{queue_id}/archive", archive_sparkq_queue, (404, 409)),
    _route("PUT", "/queues/{queue_id}/unarchive", unarchive_sparkq_queue, (404, 409)),
    _route("GET", "/task-classes", list_sparkq_classes),
    _route("GET", "/tools", list_sparkq_tools),
    _route("GET", "/scripts", list_sparkq_scripts),
    _route("GET", "/prompts", list_sparkq_prompts),
    _route("GET", "/config", get_sparkq_config),
    _route("GET", "/stats", get_sparkq_stats),
)
