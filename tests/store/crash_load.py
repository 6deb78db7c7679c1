"""A process to be killed: 64 callers claim and complete on the real store, and say so once it is acknowledged."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import uvloop

from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.claims import ClaimTasks, claim_tasks
from muster.commands.seals import seal_next_block
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.task import TaskSpec
from muster.store.database import Durability, Store
from muster.store.open import open_store

CALLERS = 64


def say(word: str, number: int) -> None:
    os.write(1, f"{word} {number}\n".encode())


async def submit_for_ever(store: Store, project: int, queue: int) -> None:
    while True:
        first = NewTask(
            spec=TaskSpec(title="a"), kind="prompt", project_id=project, queue_id=queue, estimate=3, key="a"
        )
        then = NewTask(
            spec=TaskSpec(title="b"), kind="prompt", project_id=project, queue_id=queue, depends_on=("#a",)
        )
        for submitted in await store.execute(submit_tasks([first, then])):
            say("submitted", submitted.task_id)


async def work_for_ever(store: Store, agent: str) -> None:
    while True:
        claimed = (await store.execute(claim_tasks(ClaimTasks(ClaimFilter(agent))))).claims
        if not claimed:
            await asyncio.sleep(0)
            continue
        lease = claimed[0]
        await store.execute(end_attempts(EndAttempt(lease.attempt_id, lease.token, cost=2, output="ok")))
        say("completed", lease.task_id)


async def seal_for_ever(store: Store) -> None:
    position = 0
    while True:
        await store.feed.wait(position + 50)
        position = store.feed.head
        await store.execute(seal_next_block(500))


async def main(database: str, durability: str, project: str, queue: str) -> None:
    store = await open_store(
        database, durability=Durability(durability), clock=lambda: time.time_ns() // 1000
    )
    async with asyncio.TaskGroup() as group:
        place = ids.decode(ids.PROJECT, project), ids.decode(ids.QUEUE, queue)
        for _ in range(8):
            group.create_task(submit_for_ever(store, *place))
        for number in range(CALLERS):
            group.create_task(work_for_ever(store, f"agent-{number}"))
        group.create_task(seal_for_ever(store))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
