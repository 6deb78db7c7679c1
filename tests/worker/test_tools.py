"""muster's own tools as the worker sees them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from muster.agents.work_door import Attempt, Listener
from muster.client.wire import ClaimedTask
from muster.worker.clock import Clock
from muster.worker.tools import Tools, ToolsDoor

CLAIM = msgspec.convert(
    {name: "x" for name in ClaimedTask.__struct_fields__ if name in ClaimedTask.__annotations__}
    | {"attempt_id": "att_1", "token": "secret", "task_id": "tsk_1", "number": 1, "max_attempts": 1}
    | {
        "lease_seconds": 1.0,
        "timeout_seconds": 1.0,
        "session_id": None,
        "parent_id": None,
        "working_dir": None,
    }
    | {"payload": {}, "output_schema": None, "required_files": [], "acceptance_command": None}
    | {"max_test_fix_cycles": 0, "network": False, "requires": [], "tags": [], "estimated_cost_usd": 0.0}
    | {"earlier_attempts": [], "failing_agents": []},
    ClaimedTask,
)


class Seats:
    """A door that hands out numbered tokens."""

    def __init__(self) -> None:
        self.open: dict[str, Attempt] = {}

    async def open_seat(self, attempt: Attempt, listener: Listener) -> str:
        self.open[bearer := f"bearer-{len(self.open)}"] = attempt
        return bearer

    def close_seat(self, bearer: str) -> None:
        del self.open[bearer]


async def test_the_server_that_an_agent_is_told_of_does_not_show_its_attempts_token() -> None:
    seats = Seats()
    tools = Tools(ToolsDoor(seats, Path("/run/tools.sock")), CLAIM, Clock(1), port=21_001)
    assert tools.server(patient=True) is None
    await tools.open()
    server: Any = tools.server(patient=True)
    assert (server.name, server.url) == ("muster", "http://127.0.0.1:21001/mcp")
    assert server.headers["Authorization"] == "Bearer bearer-0"
    assert "secret" not in str(server) + str(tools.environment)
    assert tools.doors == {21_001: Path("/run/tools.sock")}
    tools.close()
    assert seats.open == {}


async def test_waiting_for_people_does_not_count_against_the_attempt() -> None:
    """SQ-5: an attempt's time is for its agent's work."""
    clock = Clock(0.02)
    tools = Tools(None, CLAIM, clock, port=21_001)
    tools.waiting()
    async with asyncio.TaskGroup() as group:
        out = group.create_task(clock.run_out())
        await asyncio.wait({out}, timeout=0.2)
        assert not out.done()
        tools.resumed()
        await out


async def test_only_a_patient_agent_is_told_to_wait_long() -> None:
    tools = Tools(ToolsDoor(Seats(), Path("/run/tools.sock")), CLAIM, Clock(1), port=21_001)
    await tools.open()
    hasty, patient = tools.server(patient=False), tools.server(patient=True)
    assert hasty is not None
    assert patient is not None
    assert (hasty.seconds, "X-Muster-Wait" in hasty.headers) == (None, False)
    assert float(patient.headers["X-Muster-Wait"]) < (patient.seconds or 0)
