"""What was acknowledged survives kill -9, and the database it leaves is consistent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from muster.commands.projects import create_project
from muster.commands.queues import create_queue
from muster.domain import ids
from muster.domain.project import Project
from muster.domain.queue import Queue
from muster.store.database import Durability
from muster.store.open import open_store
from muster.store.snapshot import open_snapshot
from muster.store.statements import Statement
from tests.store.trust import place_of, verified

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 3
COMPLETED_A_ROUND = 300


async def make_places(database: str) -> tuple[str, str]:
    store = await open_store(database, durability=Durability.DEFAULT, clock=lambda: time.time_ns() // 1000)
    project = await store.execute(create_project(Project(name="p", allocated=10**12)))
    queue = await store.execute(create_queue(Queue(name="q", mode="external")))
    await store.close()
    return ids.encode(ids.PROJECT, project), ids.encode(ids.QUEUE, queue)


def load_until_killed(database: str, durability: Durability, places: tuple[str, str]) -> dict[str, list[int]]:
    """Task ids by the word that acknowledged them, of a process killed in the midst of its work."""
    arguments = [sys.executable, "-m", "tests.store.crash_load", database, durability, *places]
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    said: dict[str, list[int]] = {"submitted": [], "completed": []}
    for line in process.stdout:
        word, number = line.split()
        said[word.decode()].append(int(number))
        if len(said["completed"]) == COMPLETED_A_ROUND:
            os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    return said


@pytest.mark.parametrize("durability", [Durability.DEFAULT, Durability.STRICT])
async def test_every_acknowledged_change_survives_kill_9_under_load(
    database: str, durability: Durability
) -> None:
    """SW-4: durability is stated and tested; the log, the rows, the money and the chain agree afterwards."""
    places = await make_places(database)
    for _ in range(ROUNDS):
        said = load_until_killed(database, durability, places)
        async with open_snapshot(place_of(database)) as snapshot:
            states = dict(await snapshot.rows(Statement("SELECT id, state FROM tasks")))
            ends = await snapshot.rows(
                Statement(
                    "SELECT task_id, count(*) FROM events WHERE kind = 'attempt.succeeded' GROUP BY task_id"
                )
            )
        assert set(said["submitted"]) <= set(states)
        assert {states[task] for task in said["completed"]} == {60}
        assert {count for _, count in ends} == {1}
        report = await verified(database)
        assert report.problems == []
        assert report.blocks > 0
