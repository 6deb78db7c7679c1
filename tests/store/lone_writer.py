"""A program that completes tasks as fast as it can and prints each one whose completion was acknowledged, to be
killed from outside: DATABASE CALLERS."""

from __future__ import annotations

import asyncio
import sys
import time

from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.claims import ClaimTasks, claim_tasks
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain.admission import ClaimFilter
from muster.domain.task import TaskSpec
from muster.store.database import Durability, Store
from muster.store.open import open_store
from muster.store.statements import Statement


async def agent(store: Store, name: str, project: int, queue: int) -> None:
    wants = ClaimTasks(ClaimFilter(name))
    while True:
        answer = await store.execute(claim_tasks(wants))
        if not answer.claims:
            new = [
                NewTask(
                    spec=TaskSpec(title=f"{n}"),
                    kind="prompt",
                    project_id=project,
                    queue_id=queue,
                    estimate=10,
                )
                for n in range(50)
            ]
            await store.execute(submit_tasks(new))
            continue
        claimed = answer.claims[0]
        await store.execute(end_attempts(EndAttempt(claimed.attempt_id, claimed.token, cost=7)))
        print(claimed.task_id, flush=True)


async def main(database: str, callers: int) -> None:
    store = await open_store(database, durability=Durability.DEFAULT, clock=lambda: time.time_ns() // 1000)
    project = (await store.rows(Statement("SELECT id FROM projects WHERE name = 'default'")))[0][0]
    queue = (await store.rows(Statement("SELECT id FROM queues WHERE name = 'inbox'")))[0][0]
    await asyncio.gather(*(agent(store, f"agent-{n}", project, queue) for n in range(callers)))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
