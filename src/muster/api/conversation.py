"""The conversation of a task's attempt, read as it goes on, or whole as a Markdown document."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from muster.api.longpoll import Caller
from muster.api.run_shapes import conversation_page
from muster.api.schemas.runs import AgentConversationQuery, Conversation
from muster.api.task_output import Wanted, find_attempt, wait_for_attempt, wait_for_more
from muster.domain import ids
from muster.domain.transcript_markdown import markdown_of
from muster.projections.transcripts import Choice, conversation_of, whole_transcript
from muster.store.database import Store
from muster.store.statements import Statement

_TITLE: Final = Statement("SELECT title FROM task_specs WHERE id = ?1")


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a conversation is wanted."""

    after: int
    limit: int
    wait_seconds: float
    choice: Choice


def part_of(query: AgentConversationQuery) -> Part:
    """The part a query asks for."""
    kinds = None if query.kinds is None else frozenset[str](query.kinds)
    return Part(query.after, query.limit, query.wait_seconds, Choice(kinds, query.search or ""))


async def read_conversation(store: Store, wanted: Wanted, part: Part, caller: Caller) -> Conversation:
    """The entries asked for; when there are none yet, wait for some as long as the query says."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + part.wait_seconds
    while True:
        page, attempt = await _look(store, wanted, part)
        left = deadline - loop.time()
        if page.items or page.finished or left <= 0 or page.next_after < page.total:
            return page
        if attempt is None:
            more = await wait_for_attempt(store, wanted, caller, left)
        else:
            more = await _wait(store, wanted, part, attempt, caller, left)
        if not more:
            return page


async def _look(store: Store, wanted: Wanted, part: Part) -> tuple[Conversation, int | None]:
    found = await find_attempt(store, wanted)
    if found is None:
        return nothing(wanted.task_id, wanted.number or 0, part.after), None
    attempt, number = found
    entries = await conversation_of(store, attempt, part.choice, after=part.after, limit=part.limit)
    return conversation_page(wanted.task_id, number, attempt, entries), attempt


async def _wait(
    store: Store, wanted: Wanted, part: Part, attempt: int, caller: Caller, seconds: float
) -> bool:
    async def come() -> bool:
        page, _ = await _look(store, wanted, part)
        return bool(page.items) or page.finished

    return await wait_for_more(store, attempt, come, caller, seconds)


def nothing(task_id: int | None, number: int, after: int) -> Conversation:
    """A conversation that has not begun."""
    return Conversation(
        task_id=None if task_id is None else ids.encode(ids.TASK, task_id),
        attempt=number,
        attempt_id=None,
        items=[],
        next_after=after,
        total=0,
        finished=False,
    )


async def markdown_conversation(store: Store, wanted: Wanted) -> str:
    """The whole conversation of an attempt as a document. NotFound for an unknown task."""
    found = await find_attempt(store, wanted)
    titles = await store.rows(_TITLE, wanted.task_id)
    title = titles[0][0] if titles else ids.encode(ids.TASK, wanted.task_id)
    entries = [] if found is None else await whole_transcript(store, found[0])
    return await asyncio.to_thread(lambda: "".join(markdown_of(title, entries)))
