"""What happened, in words; and entries of one's own."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query

from muster.api.cursors import encode_cursor, integer_cursor
from muster.api.places import find_project
from muster.api.routing import Route
from muster.api.schemas.agents import (
    Activity,
    ActivityDetail,
    ActivityList,
    ActivityPost,
    ActivityQuery,
)
from muster.api.services import ServicesHere
from muster.api.task_shapes import event_shape, public
from muster.api.times import iso
from muster.commands.activities import NewActivity, post_activity
from muster.domain import ids
from muster.projections.activities import ActivityRow, find_activity, get_activity
from muster.projections.activities import list_activities as activities_page
from muster.projections.agent_tasks import bring_forward


def activity_shape(row: ActivityRow) -> Activity:
    """An entry as it is answered."""
    return Activity(
        id=row.id,
        at=iso(row.at),
        kind=row.kind,
        type=row.type,
        title=row.title,
        description=row.description,
        agent_id=row.agent_id,
        task_id=public(ids.TASK, row.task_id),
        project_id=public(ids.PROJECT, row.project_id),
    )


async def list_activities(services: ServicesHere, query: Annotated[ActivityQuery, Query()]) -> ActivityList:
    """What happened, newest first.

    A page may be short although more follow: go on while there is a `next_cursor`.
    """
    store = services.store
    after = integer_cursor(query.cursor)
    task = None if query.task is None else ids.decode(ids.TASK, query.task)
    project = None if query.project is None else await find_project(store, query.project)
    if query.agent is not None:
        await bring_forward(store)
    page = await activities_page(
        store,
        agent_id=query.agent,
        task_id=task,
        project_id=project,
        kinds=query.kind or (),
        after=None if after is None else (after,),
        limit=query.limit,
    )
    return ActivityList(
        items=[
            activity_shape(row)
            for row in page.items
            if query.agent in (None, row.agent_id) and project in (None, row.project_id)
        ],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def get_one_activity(services: ServicesHere, activity_id: str) -> ActivityDetail:
    """One entry, with the event behind it."""
    store = services.store
    row, event = await find_activity(store, activity_id, store.feed.head)
    return ActivityDetail(**dict(activity_shape(row)), event=event_shape(event))


async def create_activity(services: ServicesHere, body: ActivityPost) -> Activity:
    """Write an entry."""
    store = services.store
    made = await store.execute(
        post_activity(
            NewActivity(
                type=body.type,
                title=body.title,
                description=body.description,
                agent_id=body.agent_id,
                task_id=None if body.task_id is None else ids.decode(ids.TASK, body.task_id),
                project_id=None if body.project_id is None else await find_project(store, body.project_id),
            )
        )
    )
    return activity_shape(await get_activity(store, made, store.feed.head))


ROUTES: Final = (
    Route("GET", "/activities", list_activities, (404,)),
    Route("GET", "/activities/{activity_id}", get_one_activity, (404,)),
    Route("POST", "/activities", create_activity, (404,), 201),
)
