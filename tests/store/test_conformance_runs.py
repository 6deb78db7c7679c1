"""Runs, transcripts, calls and files keep their promises, on both databases."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from muster.commands.claims import Claimed, ClaimTasks, claim_tasks
from muster.commands.file_changes import ChangedFile
from muster.commands.leases import StaleRules, disown, patrol
from muster.commands.lifecycle import cancel_task, delete_task
from muster.commands.model_calls import Pricing
from muster.domain.admission import ClaimFilter
from muster.domain.errors import Conflict, InvalidInput, LeaseLost
from muster.domain.transcript import Message, ToolCall
from muster.domain.usage import TokenUsage
from muster.projections.agent_tasks import bring_forward
from muster.projections.attempts import attempts_of, get_attempt
from muster.projections.file_changes import files_of
from muster.projections.model_calls import calls_of
from muster.projections.runs import last_attempt_of, runs_of
from muster.projections.transcripts import Choice, conversation_of, transcript_of
from muster.store.blob_references import collect_blobs
from muster.store.blobs import BlobStore
from muster.store.database import Store
from muster.store.statements import Statement
from tests.store.events import one
from tests.store.runs import a_call, call, change, describe, say
from tests.store.trust import tamper, verified
from tests.store.working import Place

ALL = Choice()
EVENTS = Statement("SELECT kind, data FROM events WHERE kind LIKE 'run.%' ORDER BY seq")


SPENT = Statement(
    "SELECT a.cost, t.cost, p.spent FROM attempts a JOIN tasks t ON t.id = a.task_id JOIN projects p ON p.id = t.project_id"
)


async def spent(store: Store) -> tuple[int, int, int]:
    """What the attempt, its task and its project have paid."""
    ((attempt, task, project),) = await store.rows(SPENT)
    return (attempt, task, project)


async def held_by(store: Store, agent: str = "ann") -> tuple[Place, Claimed]:
    place = await Place.at(store)
    await place.submit()
    claimed = await place.claim(agent)
    assert claimed is not None
    return place, claimed


class TestRuns:
    async def test_a_run_is_described_once_and_then_by_what_changes(
        self, store: Store, database: str
    ) -> None:
        """SA-4a, SW-4a"""
        _, held = await held_by(store)
        told = {"agent": "claude", "model": "m1", "branch": "b", "role": "builder", "role_version": 2}
        assert await describe(store, held, **told) == 0
        await describe(store, held, {"context_used": 10, "reported": '{"cost_usd":1.5}'}, session="s1")
        await describe(store, held, {"context_used": 20}, session="s1", model="m1")
        assert [tuple(row) for row in await store.rows(EVENTS)] == [
            (
                "run.started",
                '{"fields":{"agent":"claude","model":"m1","branch":"b","role":"builder","role_version":2}}',
            ),
            ("run.described", '{"changes":{"session":"s1"}}'),
        ]
        run = (await get_attempt(store, held.attempt_id)).run
        assert run is not None
        assert (run.agent, run.model, run.session, run.context_used) == ("claude", "m1", "s1", 20)
        assert (run.role, run.role_version) == ("builder", 2)
        assert run.reported == {"cost_usd": 1.5}
        assert (await verified(database)).problems == []

    async def test_the_first_description_names_the_agent(self, store: Store) -> None:
        """SA-4a"""
        _, held = await held_by(store)
        with pytest.raises(InvalidInput):
            await describe(store, held, model="m")
        assert await one(store, "SELECT count(*) FROM runs") == 0

    async def test_only_the_holder_describes_it(self, store: Store) -> None:
        """MC-2"""
        _, held = await held_by(store)
        held.token ^= 1
        with pytest.raises(LeaseLost):
            await describe(store, held, agent="claude")

    async def test_a_row_that_says_something_else_than_the_log_is_found(
        self, store: Store, database: str
    ) -> None:
        """SW-4a"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        await tamper(database, "UPDATE runs SET session = 'forged'")
        (problem,) = (await verified(database)).problems
        assert "session is 'forged', the log says None" in problem
        await tamper(database, "DELETE FROM runs")
        (problem,) = (await verified(database)).problems
        assert "is in the log, but has no row" in problem

    async def test_an_agents_current_run_is_its_newest_attempt(self, store: Store) -> None:
        """OD-40"""
        place, first = await held_by(store)
        await place.submit()
        second = await place.claim("ann")
        assert second is not None
        await bring_forward(store)
        assert await last_attempt_of(store, "ann") == (second.task_id, second.attempt_id)
        await place.end(second)
        assert await last_attempt_of(store, "ann") == (first.task_id, first.attempt_id)
        await place.end(first)
        assert await last_attempt_of(store, "ann") == (second.task_id, second.attempt_id)
        assert await last_attempt_of(store, "nobody") is None


class TestTranscripts:
    async def test_a_batch_sent_again_is_kept_once(self, store: Store) -> None:
        """OD-27"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        batch = [{"kind": "message", "text": str(n)} for n in range(3)]
        assert await say(store, held, 0, batch) == 3
        assert await say(store, held, 0, batch) == 3
        assert await say(store, held, 1, [*batch[1:], {"kind": "thinking", "text": "3"}]) == 4
        found = await conversation_of(store, held.attempt_id, ALL)
        assert [entry.document["text"] for entry in found.entries] == ["0", "1", "2", "3"]
        assert (found.next, found.total, found.ended) == (4, 4, False)

    async def test_a_gap_is_refused_and_says_where_to_go_on(self, store: Store) -> None:
        """OD-27"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        await say(store, held, 0)
        with pytest.raises(Conflict) as refused:
            await say(store, held, 5)
        assert refused.value.details["position"] == 1

    async def test_a_run_must_be_described_before_anything_is_said_in_it(self, store: Store) -> None:
        """SA-4a"""
        _, held = await held_by(store)
        with pytest.raises(Conflict, match="not described"):
            await say(store, held, 0)
        held.token ^= 1
        with pytest.raises(LeaseLost):
            await say(store, held, 0)

    async def test_the_rest_of_a_cancelled_attempt_is_taken_for_a_minute(
        self, store: Store, database: str
    ) -> None:
        """OD-2"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        await store.execute(cancel_task(held.task_id))
        assert await say(store, held, 0) == 1
        await tamper(database, "UPDATE attempts SET finished_at = finished_at - 60000001")
        with pytest.raises(LeaseLost):
            await say(store, held, 1)

    async def test_batches_of_many_at_once_harm_each_other_in_nothing(self, store: Store) -> None:
        """SW-9"""
        place = await Place.at(store)
        holders = []
        for number in range(6):
            await place.submit()
            claimed = await place.claim(f"agent-{number}")
            assert claimed is not None
            holders.append(claimed)
        await asyncio.gather(*(describe(store, held, agent="a") for held in holders[:5]))
        tasks = [say(store, held, 0) for held in holders] + [say(store, holders[0], 1)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert answers[:5] == [1] * 5
        assert isinstance(answers[5], Conflict)
        assert answers[6] == 2
        lengths = [(await conversation_of(store, held.attempt_id, ALL)).total for held in holders]
        assert lengths == [2, 1, 1, 1, 1, 0]

    async def test_nothing_is_ever_dropped_however_long_it_gets(self, store: Store) -> None:
        """SA-4a"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        text = "x" * 60_000
        for position in range(0, 200, 20):
            await say(store, held, position, [{"kind": "thinking", "text": text}] * 20)
        sizes = [len(part) async for part in transcript_of(store, held.attempt_id)]
        assert sizes == [20] * 10

    async def test_entries_are_chosen_by_kind_and_by_words(self, store: Store) -> None:
        """OD-27"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        entries = [
            {"kind": "message", "text": "Hello World"},
            {"kind": "tool_call", "id": "1", "name": "Read", "input": {"deep": [{"path": "/world"}]}},
            {"kind": "usage", "context_used": 3},
        ]
        await say(store, held, 0, entries)
        found = await conversation_of(store, held.attempt_id, Choice(search="WORLD"))
        assert [entry.position for entry in found.entries] == [0, 1]
        found = await conversation_of(store, held.attempt_id, Choice(frozenset({"tool_call"}), "world"))
        assert [entry.position for entry in found.entries] == [1]
        assert (found.next, found.total) == (3, 3)
        found = await conversation_of(store, held.attempt_id, ALL, after=1, limit=1)
        assert ([entry.position for entry in found.entries], found.next) == ([1], 2)
        parts = [part async for part in transcript_of(store, held.attempt_id)]
        assert [type(stored.entry) for stored in parts[0][:2]] == [Message, ToolCall]


class TestCalls:
    async def test_a_call_sent_again_is_kept_and_counted_once(self, store: Store) -> None:
        """SA-4a"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        assert await call(store, held, a_call("a"), a_call("b"), a_call("a")) == 2
        assert await call(store, held, a_call("b"), a_call("c", cost=None, pricing=Pricing.UNPRICED)) == 1
        run = (await runs_of(store, [held.attempt_id]))[held.attempt_id]
        assert (run.calls, run.unpriced_calls, run.cost) == (3, 1, 3_000)
        assert run.tokens == TokenUsage(input=300, output=60, cache_read=9, cache_write=12, reasoning=15)
        page = await calls_of(store, held.task_id, None)
        assert [(row.key, row.cost, row.pricing) for row in page.items] == [
            ("a", 1_500, "priced"),
            ("b", 1_500, "priced"),
            ("c", None, "unpriced"),
        ]
        page = await calls_of(store, held.task_id, held.attempt_id, limit=2)
        assert page.next == (page.items[-1].id,)

    async def test_equal_calls_in_one_batch_of_the_store_count_once(self, store: Store) -> None:
        """SA-4a"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        answers = await asyncio.gather(*(call(store, held, a_call("same")) for _ in range(5)))
        assert sorted(answers) == [0, 0, 0, 0, 1]
        assert (await runs_of(store, [held.attempt_id]))[held.attempt_id].calls == 1

    async def test_what_was_called_before_the_end_is_taken_for_a_minute(
        self, store: Store, database: str
    ) -> None:
        """SA-4a"""
        place, held = await held_by(store)
        await describe(store, held, agent="claude")
        await place.end(held, cost=1_000)
        assert await call(store, held, a_call("late")) == 1
        assert await spent(store) == (1_500, 1_500, 1_500)
        assert await call(store, held, a_call("later", cost=200)) == 1
        assert await spent(store) == (1_700, 1_700, 1_700)
        assert (await verified(database)).problems == []
        await tamper(database, "UPDATE attempts SET finished_at = finished_at - 60000001")
        with pytest.raises(LeaseLost):
            await call(store, held, a_call("later"))

    async def test_what_was_called_is_paid_for_once(self, store: Store, database: str) -> None:
        """SA-4a"""
        place, held = await held_by(store)
        await describe(store, held, agent="claude")
        await call(store, held, a_call())
        assert await spent(store) == (0, 0, 0)
        await place.end(held, cost=1_500)
        assert await spent(store) == (1_500, 1_500, 1_500)
        assert (await verified(database)).problems == []

    @pytest.mark.parametrize("how", ["cancelled", "silent", "disowned"])
    async def test_an_attempt_that_is_ended_pays_for_what_it_called(
        self, store: Store, database: str, how: str
    ) -> None:
        """SA-4a, OD-2"""
        place = await Place.at(store)
        await place.submit()
        answer = await store.execute(claim_tasks(ClaimTasks(ClaimFilter("ann"), worker_id="w")))
        (held,) = answer.claims
        await describe(store, held, agent="claude")
        await call(store, held, a_call())
        match how:
            case "cancelled":
                await store.execute(cancel_task(held.task_id))
            case "silent":
                await tamper(database, "UPDATE attempts SET heartbeat_at = 0")
                await store.execute(patrol(StaleRules(1, 2)))
            case _:
                await store.execute(disown("w", frozenset(), started=True))
        assert await spent(store) == (1_500, 1_500, 1_500)
        assert (await verified(database)).problems == []


class TestFiles:
    async def test_the_files_of_an_attempt_are_those_told_last(self, store: Store) -> None:
        """OD-7"""
        _, held = await held_by(store)
        await describe(store, held, agent="claude")
        await change(
            store, held, ChangedFile(path="a", change="created"), ChangedFile(path="b", change="deleted")
        )
        moved = ChangedFile(path="c", change="renamed", old_path="a", additions=1, deletions=0, outside=True)
        assert await change(store, held, moved) == 1
        (row,) = await files_of(store, held.attempt_id)
        assert (row.path, row.change, row.old_path, row.outside, row.binary) == (
            "c",
            "renamed",
            "a",
            True,
            False,
        )

    async def test_removing_a_task_removes_all_its_runs_left(
        self, store: Store, database: str, tmp_path: Path
    ) -> None:
        """OD-2"""
        place, held = await held_by(store)
        blobs = BlobStore(tmp_path / "blobs")
        name = hashlib.sha256(b"kept").hexdigest()
        await blobs.put(name, b"kept")
        await describe(store, held, agent="claude")
        await say(store, held, 0)
        await call(store, held, a_call(request_blob=name))
        await change(store, held, ChangedFile(path="a", change="created", after_blob=name))
        assert await collect_blobs(store, blobs, 2**40) == 0
        await place.end(held)
        assert (await attempts_of(store, held.task_id))[0].run is not None
        await store.execute(delete_task(held.task_id))
        for table in ("runs", "transcript_chunks", "model_calls", "file_changes"):
            assert await one(store, f"SELECT count(*) FROM {table}") == 0
        assert await collect_blobs(store, blobs, 0) == 0
        assert await collect_blobs(store, blobs, 2**40) == 1
        assert list(blobs.names()) == []
        assert (await verified(database)).problems == []
