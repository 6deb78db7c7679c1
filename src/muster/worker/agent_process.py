"""One agent's program in its sandbox: pumps bytes between it and its conversation until both are done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from muster.agents.adapter import AgentCommand, Answer, Conversation, Ended, Step, Verdict
from muster.domain.transcript import Entry, PermissionRequest, Question
from muster.sandboxes.sandbox import Ending, ExitStatus, Sandbox
from muster.sandboxes.stdin import Stdin
from muster.worker.clock import Clock
from muster.worker.output import Output
from muster.worker.veil import Veil

INTERRUPT_SECONDS: Final = 0.3
"""For the agent to stop by itself when asked, before it is ended."""
CLOSE_SECONDS: Final = 10.0
"""For the agent to end once its standard input has."""
Request = PermissionRequest | Question
Stopped = Literal["", "cancelled", "timeout", "limit"]
AfterTurn = Callable[[], Awaitable[str | None]]


class AgentProcess:
    """Made for one run of the program. `on_entries` gets what it says, `on_request` what it waits for."""

    def __init__(
        self,
        sandbox: Sandbox,
        command: AgentCommand,
        conversation: Conversation,
        output: Output,
        clock: Clock,
        on_entries: Callable[[list[Entry]], None],
        on_request: Callable[[Request], None],
        secret: str | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._command = command
        self._conversation = conversation
        self._output = output
        self._clock = clock
        self._on_entries = on_entries
        self._on_request = on_request
        self._veils = {"stdout": Veil(secret), "stderr": Veil(secret)}
        self._stdin = Stdin() if command.interactive else None
        self._turn_over = asyncio.Event()
        self._stopped: Stopped = ""
        self._overstayed = False

    async def run(self, env: Mapping[str, str], after_turn: AfterTurn) -> Verdict:
        """From start to end. `after_turn` is asked at each turn's end what to say next; None ends the run."""
        self._write(self._conversation.start())
        async with asyncio.TaskGroup() as group:
            steering = group.create_task(self._steer(after_turn))
            timing = group.create_task(self._watch_time())
            try:
                status = await self._sandbox.exec(
                    self._command.argv,
                    env={**env, **self._command.env},
                    on_output=self._hear,
                    stdin=b"" if self._stdin is None else self._stdin,
                )
            finally:
                steering.cancel()
                timing.cancel()
        self._hear_rest()
        step, verdict = self._conversation.finish(self._ended(status))
        self._take(step)
        return verdict

    def answer(self, request: str, answer: Answer) -> None:
        """Hand a person's answer over."""
        self._take(self._conversation.answer(request, answer))

    def interrupt(self) -> None:
        """Ask it to stop its turn."""
        self._take(self._conversation.interrupt())

    def pause(self) -> None:
        """Let all its processes stand still where they are."""
        self._sandbox.pause()

    def resume(self) -> None:
        """Let them go on."""
        self._sandbox.resume()

    def stop(self, why: Stopped) -> None:
        """Ask it to stop, then end it and all it started."""
        if self._stopped:
            return
        self._stopped = why
        self.interrupt()
        asyncio.get_running_loop().call_later(INTERRUPT_SECONDS, self._sandbox.kill)

    def _hear(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self._read(stream, self._veils[stream].feed(data))

    def _hear_rest(self) -> None:
        self._read("stdout", self._veils["stdout"].finish())
        self._read("stderr", self._veils["stderr"].finish())

    def _read(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        if not data:
            return
        self._output.feed(stream, data)
        feed = self._conversation.feed if stream == "stdout" else self._conversation.feed_error
        self._take(feed(data))

    def _take(self, step: Step) -> None:
        if step.entries:
            self._on_entries(step.entries)
        self._write(step.send)
        for entry in step.entries:
            if isinstance(entry, (PermissionRequest, Question)):
                self._on_request(entry)
        if step.turn_over:
            self._turn_over.set()

    def _write(self, data: bytes) -> None:
        if self._stdin is not None and data:
            self._stdin.write(data)

    async def _steer(self, after_turn: AfterTurn) -> None:
        """Turn after turn while there is something to say; then let it end."""
        if self._stdin is None:
            return
        while True:
            await self._turn_over.wait()
            self._turn_over.clear()
            following = None if self._stopped else await after_turn()
            if following is None:
                break
            self._take(self._conversation.say(following))
        self._stdin.close()
        await asyncio.sleep(CLOSE_SECONDS)
        self._overstayed = True
        self._sandbox.kill()

    async def _watch_time(self) -> None:
        await self._clock.run_out()
        self.stop("timeout")

    def _ended(self, status: ExitStatus) -> Ended:
        if self._overstayed:
            return Ended(code=0)
        stopped: Stopped = self._stopped
        if not stopped and status.reason in (
            Ending.OOM,
            Ending.OUTPUT_LIMIT,
            Ending.FILE_LIMIT,
            Ending.DISK_LIMIT,
            Ending.PROCESS_LIMIT,
            Ending.CPU_LIMIT,
        ):
            stopped = "limit"
        return Ended(
            code=status.code, signal=status.signal, stopped=stopped, stderr=self._output.stderr.text()
        )
