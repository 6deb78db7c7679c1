"""The output of a task's attempts, read as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from muster.api.longpoll import Caller
from muster.api.schemas.tasks import LogPage, LogQuery
from muster.api.task_shapes import log_page
from muster.domain import ids
from muster.domain.errors import NotFound
from muster.projections.attempts import output_of
from muster.store.database import Store
from muster.store.statements import Statement

_LATEST: Final = Statement(
    "SELECT a.id, a.number FROM tasks t LEFT JOIN attempts a ON a.id = t.attempt_id WHERE t.id = ?1"
)
_NUMBERED: Final = Statement("SELECT id, number FROM attempts WHERE task_id = ?1 AND number = ?2")
_RING: Final = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which attempt of which task."""

    task_id: int
    number: int | None


async def read_output(store: Store, wanted: Wanted, query: LogQuery, caller: Caller) -> LogPage:
    """The lines asked for; when there are none yet, wait for some as long as the query says."""
    deadline = asyncio.get_running_loop().time() + query.wait_seconds
    while True:
        page, attempt = await _look(store, wanted, query)
        left = deadline - asyncio.get_running_loop().time()
        if page.items or page.finished or left <= 0 or query.wait_seconds == 0:
            return page
        if attempt is None:
            more = await wait_for_attempt(store, wanted, caller, left)
        else:
            more = await _wait_for_lines(store, wanted, query, attempt, caller, left)
        if not more:
            return page


async def find_attempt(store: Store, wanted: Wanted) -> tuple[int, int] | None:
    """The attempt and its number; None when there is none yet. NotFound for an unknown task."""
    rows = await store.rows(_LATEST, wanted.task_id)
    if not rows:
        raise NotFound(noun="task", id=ids.encode(ids.TASK, wanted.task_id))
    if wanted.number is not None:
        rows = await store.rows(_NUMBERED, wanted.task_id, wanted.number)
    return None if not rows or rows[0][0] is None else (rows[0][0], rows[0][1])


async def _look(store: Store, wanted: Wanted, query: LogQuery) -> tuple[LogPage, int | None]:
    found = await find_attempt(store, wanted)
    if found is None:
        number = wanted.number or 0
        return LogPage(attempt=number, items=[], next_after=query.after, total=0, finished=False), None
    attempt, number = found
    output = await output_of(store, attempt, after=query.after, limit=query.limit, tail=query.tail)
    return log_page(number, output), attempt


async def _wait_for_lines(
    store: Store, wanted: Wanted, query: LogQuery, attempt: int, caller: Caller, seconds: float
) -> bool:
    async def come() -> bool:
        page, _ = await _look(store, wanted, query)
        return bool(page.items) or page.finished

    return await wait_for_more(store, attempt, come, caller, seconds)


async def wait_for_more(
    store: Store, attempt: int, come: Callable[[], Awaitable[bool]], caller: Caller, seconds: float
) -> bool:
    """Wait until an attempt printed or said more, or ended; `come` tells whether that happened already. False:
    nothing did."""
    topics = (f"output:{attempt}", f"attempt:{attempt}")
    changed = asyncio.Event()
    for topic in topics:
        store.signals.watch(topic, changed)
    try:
        # Between the look and the watch a line may have come unheard.
        return await come() or await caller.wait(changed, seconds)
    finally:
        for topic in topics:
            store.signals.unwatch(topic, changed)


async def wait_for_attempt(store: Store, wanted: Wanted, caller: Caller, seconds: float) -> bool:
    """Wait for the next event of the task: it was claimed, or cancelled, or edited."""
    changed = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(_listen(store, wanted.task_id, changed))
        heard = await caller.wait(changed, seconds)
        listening.cancel()
    return heard


async def _listen(store: Store, task_id: int, changed: asyncio.Event) -> None:
    feed = store.feed
    position = feed.head
    while True:
        await feed.wait(position)
        events = feed.after(position, _RING)
        if events is None or any(event.task_id == task_id for event in events):
            changed.set()
            return
        position = events[-1].seq if events else feed.head
