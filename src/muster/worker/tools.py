"""muster's own tools for one attempt: its seat at the MCP server, and what its agent said there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from muster.agents.adapter import McpServer
from muster.agents.work_door import Attempt, WorkDoor
from muster.client.wire import ClaimedTask
from muster.domain.agent_task import OWN_SERVER
from muster.worker.clock import Clock
from muster.worker.result import Problem

PATIENCE_SECONDS: Final = 86_400.0
"""How long a question to people may take an agent that waits for its tools as long as they say."""
SLACK_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class ToolsDoor:
    """The tools of a worker and the socket they listen on."""

    door: WorkDoor
    socket: Path


class Tools:
    """Used by agents whose task lists the server `muster`; for others nothing is opened."""

    def __init__(self, door: ToolsDoor | None, claim: ClaimedTask, clock: Clock, *, port: int) -> None:
        self._door = door
        self._claim = claim
        self._clock = clock
        self._port = port
        self._bearer: str | None = None
        self.result: Mapping[str, Any] | None = None
        """What it handed over as its result."""
        self.problem: Problem | None = None
        """Why it gave up."""

    async def open(self) -> None:
        """Take a seat. Without a door there is none, and the agent goes without."""
        if self._door is not None:
            attempt = Attempt(
                attempt_id=self._claim.attempt_id, token=self._claim.token, task_id=self._claim.task_id
            )
            self._bearer = await self._door.door.open_seat(attempt, self)

    def close(self) -> None:
        """Leave it."""
        if self._door is not None and self._bearer is not None:
            self._door.door.close_seat(self._bearer)

    def server(self, *, patient: bool) -> McpServer | None:
        """The server as the agent sees it inside its sandbox; None when there is no seat. `patient`: its tools may take as
        long as they say."""
        if self._bearer is None:
            return None
        headers = {"Authorization": f"Bearer {self._bearer}"}
        if patient:
            headers["X-Muster-Wait"] = f"{PATIENCE_SECONDS - SLACK_SECONDS:g}"
        url = f"http://127.0.0.1:{self._port}/mcp"
        return McpServer(
            name=OWN_SERVER, url=url, headers=headers, seconds=PATIENCE_SECONDS if patient else None
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """The same for programs that are not told of servers."""
        if self._bearer is None:
            return {}
        return {"MUSTER_MCP_URL": f"http://127.0.0.1:{self._port}/mcp", "MUSTER_MCP_TOKEN": self._bearer}

    @property
    def doors(self) -> Mapping[int, Path]:
        """Ports inside the sandbox and the sockets they lead to."""
        return {} if self._bearer is None or self._door is None else {self._port: self._door.socket}

    def waiting(self) -> None:
        """People are asked: the attempt's clock stands still."""
        self._clock.pause()

    def resumed(self) -> None:
        """They answered, or nobody waits any more."""
        self._clock.resume()

    def done(self, output: str, result: Mapping[str, Any] | None) -> None:
        """It says that it is done; whether it is, is judged when it has ended."""
        self.result, self.problem = result, None

    def failed(self, code: str, message: str) -> None:
        """It gave up."""
        self.problem = Problem(code, message)
