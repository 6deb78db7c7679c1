"""What people tell agents, and how it and their answers get there: kept until the worker says that it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from muster.domain import ids
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.domain.events_approvals import MessageDelivered, MessagePosted
from muster.domain.task import PROGRAMS, TaskState
from muster.store import tables
from muster.store.codec import from_json
from muster.store.statements import Statement, insert
from muster.store.unit_of_work import UnitOfWork, command

KINDS: Final = ("say", "interrupt", "pause", "resume")
MAX_TEXT: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Something for the agent of an attempt: a message, or the answer to its request `key`."""

    id: str
    kind: str
    text: str = ""
    key: str | None = None
    option: str | None = None
    option_kind: str | None = None


_TASK: Final = Statement(
    "SELECT t.state, t.attempt_id, t.project_id, t.agent_id, l.kind FROM tasks t JOIN lanes l ON l.id = t.lane_id "
    "WHERE t.id = ?1 FOR UPDATE OF t"
)
_INSERT: Final = insert(
    tables.messages, ["id", "task_id", "attempt_id", "kind", "text", "created_by", "created_at"]
)
_MORE_WORDS: Final = Statement("UPDATE attempts SET words = words + 1 WHERE id = ?1")


@command(durable=True)
async def post_message(uow: UnitOfWork, task_id: int, kind: str, text: str = "", by: str = "") -> int:
    """Tell the agent that works on a task; the message's id. WrongState when nothing runs."""
    if kind not in KINDS:
        raise InvalidInput(field="kind", problem=f"must be one of {', '.join(KINDS)}")
    if kind == "say" and not 0 < len(text) <= MAX_TEXT:
        raise InvalidInput(field="text", problem=f"must have 1 to {MAX_TEXT} characters")
    return await leave_message(uow, task_id, kind, text, by)


async def leave_message(uow: UnitOfWork, task_id: int, kind: str, text: str, by: str) -> int:
    """Tell the agent that works on a task something, as part of another command."""
    rows = await uow.rows(_TASK, task_id)
    if not rows:
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    state, attempt, project, agent, task_kind = rows[0]
    if state != TaskState.RUNNING:
        raise WrongState(
            noun="task",
            id=ids.encode(ids.TASK, task_id),
            state=TaskState(state).label,
            wanted="only one that runs can be told something; queue a new one that resumes its session",
        )
    if task_kind in PROGRAMS:
        raise WrongState(
            noun="task",
            id=ids.encode(ids.TASK, task_id),
            state=f"a {task_kind} script at work",
            wanted="only an agent hears words and can be paused; cancel the task to stop it",
        )
    ident = uow.new_id()
    await uow.run_many(_INSERT, [(ident, task_id, attempt, kind, text, by or "somebody", uow.now)])
    await uow.run(_MORE_WORDS, attempt)
    uow.journal.fact(
        MessagePosted(ids.encode(ids.MESSAGE, ident), kind, text, by or "somebody"),
        task=task_id,
        attempt=attempt,
        agent=agent,
        project=project,
    )
    uow.journal.topics.add(f"attempt:{attempt}")
    return ident


_MESSAGES: Final = Statement(
    "SELECT id, attempt_id, kind, text FROM messages WHERE attempt_id IN_INTS(?1) AND delivered_at IS NULL ORDER BY id"
)
_ANSWERS: Final = Statement(
    "SELECT id, attempt_id, key, answer FROM approvals WHERE attempt_id IN_INTS(?1) AND state IN ('answered', 'expired') "
    "AND delivered_at IS NULL ORDER BY id"
)


async def words_for(uow: UnitOfWork, attempt_ids: Sequence[int]) -> dict[int, list[Word]]:
    """What the agents of these attempts have not got yet, oldest first, as part of another command."""
    found: dict[int, list[Word]] = {attempt: [] for attempt in attempt_ids}
    for ident, attempt, key, answer in await uow.rows(_ANSWERS, list(attempt_ids)):
        given: dict[str, Any] = from_json(answer)
        found[attempt].append(
            Word(
                id=ids.encode(ids.APPROVAL, ident),
                kind="answer",
                text=given["text"],
                key=key,
                option=given["option"],
                option_kind=given["kind"],
            )
        )
    for ident, attempt, kind, text in await uow.rows(_MESSAGES, list(attempt_ids)):
        found[attempt].append(Word(id=ids.encode(ids.MESSAGE, ident), kind=kind, text=text))
    return found


_GOT_ANSWER: Final = Statement(
    "UPDATE approvals SET delivered_at = ?3 WHERE id = ?1 AND attempt_id = ?2 AND delivered_at IS NULL "
    "AND state IN ('answered', 'expired')"
)
_GOT_MESSAGE: Final = Statement(
    "UPDATE messages SET delivered_at = ?3 WHERE id = ?1 AND attempt_id = ?2 AND delivered_at IS NULL"
)
_FEWER_WORDS: Final = Statement("UPDATE attempts SET words = words - ?2 WHERE id = ?1 AND words >= ?2")
_WHOSE: Final = Statement(
    "SELECT a.task_id, a.agent_id, t.project_id FROM attempts a JOIN tasks t ON t.id = a.task_id WHERE a.id = ?1"
)


async def note_delivered(uow: UnitOfWork, attempt_id: int, words: Sequence[str]) -> None:
    """The worker has handed these to the agent, as part of another command. Said again, it changes nothing."""
    done = 0
    task, agent, project = (await uow.rows(_WHOSE, attempt_id))[0]
    for word in words:
        if ids.is_id(ids.APPROVAL, word):
            done += await uow.run(_GOT_ANSWER, ids.decode(ids.APPROVAL, word), attempt_id, uow.now)
        elif ids.is_id(ids.MESSAGE, word) and await uow.run(
            _GOT_MESSAGE, ids.decode(ids.MESSAGE, word), attempt_id, uow.now
        ):
            done += 1
            uow.journal.fact(
                MessageDelivered(word), task=task, attempt=attempt_id, agent=agent, project=project
            )
    if done:
        await uow.run(_FEWER_WORDS, attempt_id, done)
