"""The activity feed: the log, newest first, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.domain import ids
from muster.domain.activity import About, describe, kinds_of
from muster.domain.errors import NotFound
from muster.domain.events import ActivityPosted, ProjectCreated
from muster.projections.log import COLUMNS
from muster.projections.page import LAST_ID, Key, Page
from muster.store.codec import Event
from muster.store.database import Reader
from muster.store.statements import Statement

SEARCHED: Final = 20_000
"""Events a page looks at, at the most: it may hold fewer entries than asked for, and yet not be the last."""
_TASKS_OF_AGENT: Final = 200


@dataclass(slots=True)
class ActivityRow:
    """An entry. `at` is microseconds, `seq` the position of its event."""

    id: str
    seq: int
    kind: str
    at: int
    type: str
    title: str
    description: str | None
    agent_id: str | None
    task_id: int | None
    project_id: int | None


_NEWEST: Final = Statement(
    f"SELECT {COLUMNS} FROM events WHERE seq < ?1 AND seq >= ?2 AND kind IN_TEXTS(?3) ORDER BY seq DESC LIMIT ?4"
)
_OF_PROJECT: Final = Statement(
    f"SELECT {COLUMNS} FROM events WHERE seq < ?1 AND seq >= ?2 AND kind IN_TEXTS(?3) "
    "AND coalesce(project_id, 0) = ?5 ORDER BY seq DESC LIMIT ?4"
)
_OF_TASK: Final = Statement(
    f"SELECT {COLUMNS} FROM events WHERE task_id = ?3 AND seq < ?1 AND kind IN_TEXTS(?2) "
    "ORDER BY seq DESC LIMIT ?4"
)
_OF_AGENT: Final = Statement(
    f"SELECT {COLUMNS} FROM (SELECT {COLUMNS} FROM events WHERE agent_id = ?3 AND task_id IS NULL AND seq < ?1 "
    "AND kind IN_TEXTS(?2) ORDER BY seq DESC LIMIT ?4) own UNION ALL "
    f"SELECT {COLUMNS} FROM (SELECT {COLUMNS} FROM events WHERE task_id IN (SELECT task_id FROM agent_tasks "
    f"WHERE agent_id = ?3 ORDER BY task_id DESC LIMIT {_TASKS_OF_AGENT}) AND coalesce(agent_id, '') = ?3 AND seq < ?1 "
    "AND kind IN_TEXTS(?2) ORDER BY seq DESC LIMIT ?4) done ORDER BY seq DESC LIMIT ?4"
)
_HEAD: Final = Statement("SELECT coalesce(max(seq), 0) FROM events")
_TITLES: Final = Statement("SELECT id, title FROM task_specs WHERE id IN_INTS(?1)")
_AGENTS: Final = Statement("SELECT id, name FROM agents WHERE id IN_TEXTS(?1)")
_PROJECTS: Final = Statement("SELECT id, name FROM projects WHERE id IN_INTS(?1)")
_POSTED: Final = Statement(
    f"SELECT {COLUMNS} FROM events WHERE kind = 'activity.posted' AND seq > ?1 AND seq <= ?2 ORDER BY seq DESC"
)
_WINDOW: Final = 500
_AT: Final = Statement(f"SELECT {COLUMNS} FROM events WHERE seq = ?1")


async def list_activities(
    reader: Reader,
    *,
    agent_id: str | None = None,
    task_id: int | None = None,
    project_id: int | None = None,
    kinds: Sequence[str] = (),
    after: Key | None = None,
    limit: int = 50,
) -> Page[ActivityRow]:
    """Entries, newest first; one of the three may narrow them, and kinds or nouns of events. The page's key is (position,).

    Of an agent: what it did on the two hundred newest tasks it holds or held last, and what is about itself.
    """
    before = int(after[0]) if after else (await reader.rows(_HEAD))[0][0] + 1
    shown = kinds_of(kinds)
    bottom = 0
    if task_id is not None:
        rows = await reader.rows(_OF_TASK, before, shown, task_id, limit + 1)
    elif agent_id is not None:
        rows = await reader.rows(_OF_AGENT, before, shown, agent_id, limit + 1)
    else:
        bottom = max(before - SEARCHED, 0)
        if project_id is None:
            rows = await reader.rows(_NEWEST, before, bottom, shown, limit + 1)
        else:
            rows = await reader.rows(_OF_PROJECT, before, bottom, shown, limit + 1, project_id)
    events = [Event(*row) for row in rows]
    following: Key | None = (events[limit - 1].seq,) if len(events) > limit else None
    if following is None and bottom > 1:
        following = (bottom,)
    return Page(await _entries(reader, events[:limit]), following)


async def get_activity(reader: Reader, public_id: str, head: int) -> ActivityRow:
    """An entry that was just posted, by its public id; it is looked for among the newest events."""
    top = LAST_ID
    for bottom in range(head - _WINDOW, head - SEARCHED, -_WINDOW):
        for row in await reader.rows(_POSTED, bottom, top):
            event = Event(*row)
            payload = event.payload()
            if isinstance(payload, ActivityPosted) and payload.activity_id == public_id:
                return (await _entries(reader, [event]))[0]
        top = bottom
    raise NotFound(noun="activity", id=public_id[:60])


async def find_activity(reader: Reader, public_id: str, head: int) -> tuple[ActivityRow, Event]:
    """An entry by its public id, with the event behind it. Posted ones are looked for among the newest events."""
    for row in await reader.rows(_AT, ids.decode(ids.ACTIVITY, public_id)):
        found = await _entries(reader, [Event(*row)])
        if found and found[0].id == public_id:
            return found[0], Event(*row)
    entry = await get_activity(reader, public_id, head)
    return entry, Event(*(await reader.rows(_AT, entry.seq))[0])


async def _entries(reader: Reader, events: Sequence[Event]) -> list[ActivityRow]:
    tasks = await _names(reader, _TITLES, {event.task_id for event in events})
    agents = await _names(reader, _AGENTS, {event.agent_id for event in events})
    projects = await _names(reader, _PROJECTS, {event.project_id for event in events})
    entries: list[ActivityRow] = []
    for event in events:
        fact = event.payload()
        project = projects.get(event.project_id) or _public(ids.PROJECT, event.project_id)
        if isinstance(fact, ProjectCreated):
            project = str(fact.fields.get("name", project))
        about = About(
            task=tasks.get(event.task_id) or _public(ids.TASK, event.task_id),
            agent=agents.get(event.agent_id) or event.agent_id or "nobody",
            project=project,
            amount=event.amount,
        )
        words = describe(fact, about)
        if words is not None:
            number = (
                fact.activity_id if isinstance(fact, ActivityPosted) else ids.encode(ids.ACTIVITY, event.seq)
            )
            entries.append(
                ActivityRow(
                    number,
                    event.seq,
                    event.kind,
                    event.at,
                    words.type,
                    words.title,
                    words.description,
                    event.agent_id,
                    event.task_id,
                    event.project_id,
                )
            )
    return entries


def _public(prefix: str, number: int | None) -> str:
    return "-" if number is None else ids.encode(prefix, number)


async def _names(reader: Reader, statement: Statement, keys: set[Any]) -> dict[Any, str]:
    wanted = sorted(key for key in keys if key is not None)
    return {row[0]: row[1] for row in await reader.rows(statement, wanted)} if wanted else {}
