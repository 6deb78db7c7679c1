"""Who worked on what when."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Query

from muster.api.places import find_project
from muster.api.routing import Route
from muster.api.schemas import timeline as shapes
from muster.api.services import ServicesHere
from muster.api.times import iso, microseconds
from muster.domain import ids
from muster.projections.timeline import Bar, timeline_of


async def get_timeline(
    services: ServicesHere, query: Annotated[shapes.TimelineQuery, Query()]
) -> shapes.Timeline:
    """Every attempt of a stretch of time, and which of their tasks waited for which."""
    store = services.store
    project = None if query.project is None else await find_project(store, query.project)
    found = await timeline_of(store, microseconds(query.since, "since"), project)
    return shapes.Timeline(
        bars=[_bar(bar) for bar in found.bars],
        waits=[
            shapes.TimelineWait(before=ids.encode(ids.TASK, before), after=ids.encode(ids.TASK, after))
            for before, after in found.waits
        ],
        more=found.more,
    )


def _bar(bar: Bar) -> shapes.TimelineBar:
    values: dict[str, Any] = {
        "attempt_id": ids.encode(ids.ATTEMPT, bar.attempt_id),
        "task_id": ids.encode(ids.TASK, bar.task_id),
        "title": bar.title,
        "number": bar.number,
        "state": bar.state,
        "agent_id": bar.agent_id,
        "project_id": ids.encode(ids.PROJECT, bar.project_id),
        "project": bar.project,
        "began_at": iso(bar.began_at),
        "ended_at": None if bar.ended_at is None else iso(bar.ended_at),
    }
    return shapes.TimelineBar(**values)


ROUTES: Final = (Route("GET", "/timeline", get_timeline, (404,)),)
