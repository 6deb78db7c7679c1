"""Starts programs through the keeper process of `supervise.py` and follows them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal

from muster.sandboxes.control import Control
from muster.sandboxes.sandbox import Ending, ExitStatus, OnOutput, SandboxError
from muster.sandboxes.stdin import Stdin

SUPERVISE: Final = Path(__file__).with_name("supervise.py")
CLOSE_SECONDS: Final = 2.0
CHUNK: Final = 65_536
REFILL_SECONDS: Final = 0.02
"""After a start, so that forking the next does not hold it up."""
SPARES: Final = 4
"""Waiting supervisors; each keeps about 2 MiB of its own."""
START_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 10.0
"""Within which a supervisor says that it is there, however busy the host is."""
END_SECONDS: Final = 10.0
"""How long the end of a killed program may take before it counts as lost."""
DELIVERY_SECONDS: Final = 2.0
"""For output still in the pipes when everything has ended; a stranger that holds a pipe open is not waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A program to start, as the supervisor reads it. Seconds and bytes."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    timeout: float | None
    grace: float
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    cgroups: Sequence[str] = ()
    watch_memory: int | None = None
    watch_processes: int | None = None
    watch_cpu: int | None = None
    own_levels: int = 0
    """Generations of processes that belong to the sandbox itself: not asked to end, not counted."""
    tidies_up: float = 0.0
    """Seconds for the sandbox program to leave nothing behind, once what runs inside was killed."""
    asks: Sequence[str] = ()
    """What asks the program inside to end, where signals from outside do not reach it."""
    no_new_privileges: bool = True
    ends_with_parent: bool = False
    """The sandbox program sees to that by itself, so that it can be spawned, which is faster than a fork."""
    tells_exit: bool = False
    """The sandbox program writes `exit-code` to descriptor 3 once the program inside has run, and may add `out-of-memory`.

    It may say `began` before; one that never tells an end then was killed by the kernel, which does so when memory runs out.
    """
    documents: Sequence[str] = ()
    """Bytes in hexadecimal that the sandbox program reads from descriptor 4 on."""
    visits: bool = False
    """Of a warm launch: its supervisor goes into the sandbox's mounts by itself, and trees come with what it is to run."""
    warm: str = ""
    """The first words to a shell inside that waits for more: it reads them from the descriptor behind the documents, and
    says that it is there on the next."""

    def encode(self) -> bytes:
        """JSON behind its length in eight bytes."""
        return framed({entry.name: getattr(self, entry.name) for entry in fields(self)})


def framed(value: Mapping[str, Any]) -> bytes:
    """JSON behind its length in eight bytes, as the supervisor reads it."""
    text = json.dumps(value).encode()
    return len(text).to_bytes(8, "big") + text


class Unfit(SandboxError):
    """A sandbox from the warm pool could not be used: {problem}"""

    code = "sandbox_error"


@dataclass(frozen=True, slots=True)
class Spare:
    """A supervisor that waits for its program: our ends of its control socket and of the program's output."""

    control: socket.socket
    stdout: int
    stderr: int

    def discard(self) -> None:
        """Let it go; it ends by that."""
        self.control.close()
        os.close(self.stdout)
        os.close(self.stderr)


class Launcher:
    """Owner of one keeper process, started when it is first needed and again if it dies.

    Supervisors are forked ahead of need: `spares` wait, and each start has the next one forked beside it.
    """

    def __init__(self, python: str = sys.executable, spares: int = SPARES) -> None:
        self._python = python
        self._most_spares = spares
        self._spares: deque[Spare] = deque()
        self._refilling = False
        self._keeper: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._closed = False

    def start(self, launch: Launch, stdin: bytes | Stdin) -> Program:
        """Ask for a program. Its refusal, if any, comes from `Program.wait`."""
        if self._closed:
            raise SandboxError(problem="its driver is closed")
        given = stdin.attach() if isinstance(stdin, Stdin) else _file_of(stdin)
        try:
            spare = self._take(given)
        finally:
            os.close(given)
        if not self._refilling:
            self._refilling = True
            asyncio.get_running_loop().call_later(REFILL_SECONDS, self._refill)
        return Program(launch.encode(), spare, self._discard)

    def prepare(self, launch: Launch) -> tuple[Spare, int]:
        """Start a warm launch, for `enter`; with it the descriptor that writes its program's standard input."""
        if self._closed:
            raise SandboxError(problem="its driver is closed")
        reading, writing = os.pipe()
        spare = self._fork()
        try:
            socket.send_fds(spare.control, [b"p"], [reading])
            spare.control.sendall(launch.encode())
        except OSError as error:
            spare.discard()
            os.close(writing)
            raise SandboxError(problem=f"its supervisor is gone ({error.strerror})") from error
        finally:
            os.close(reading)
        return spare, writing

    def furnish(self, spare: Spare, order: Mapping[str, Any], trees: Sequence[int]) -> bytes:
        """Tell a warm launch that is ready what its program may see. What could not be sent yet, for `enter`."""
        return _sent(spare.control, framed(order), trees)

    def enter(
        self, spare: Spare, unsent: bytes, entry: Mapping[str, Any], entered: Callable[[], None]
    ) -> Program:
        """Tell one that is furnished what to run. `Program.wait` raises Unfit when nothing of it has run."""
        return Program(unsent + framed(entry), spare, self._discard, entered)

    def _refill(self) -> None:
        self._refilling = False
        with contextlib.suppress(SandboxError):
            while not self._closed and len(self._spares) < self._most_spares:
                self._spares.append(self._fork())

    def _take(self, stdin: int) -> Spare:
        """A supervisor that has its standard input; one that has died meanwhile is passed over."""
        while self._spares:
            spare = self._spares.popleft()
            try:
                socket.send_fds(spare.control, [b"p"], [stdin])
            except OSError:
                spare.discard()
            else:
                return spare
        spare = self._fork()
        socket.send_fds(spare.control, [b"p"], [stdin])
        return spare

    def _fork(self) -> Spare:
        requests = self._keeper_socket()
        control, control_end = socket.socketpair()
        stdout, stdout_end = os.pipe()
        stderr, stderr_end = os.pipe()
        spare = Spare(control, stdout, stderr)
        try:
            socket.send_fds(requests, [b"p"], [control_end.fileno(), stdout_end, stderr_end])
        except OSError as error:
            spare.discard()
            self._let_keeper_go()
            raise SandboxError(problem=f"the process keeper is gone ({error.strerror})") from error
        finally:
            control_end.close()
            os.close(stdout_end)
            os.close(stderr_end)
        return spare

    def _keeper_socket(self) -> socket.socket:
        if self._requests is not None and self._keeper is not None and self._keeper.poll() is None:
            return self._requests
        self._let_keeper_go()
        ours, theirs = socket.socketpair()
        with theirs:
            self._keeper = subprocess.Popen(
                [self._python, "-I", "-S", "-B", str(SUPERVISE), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd="/",
                env={},
            )
        self._requests = ours
        return ours

    def _discard(self) -> None:
        """Do without a keeper that does not answer; what it started goes on. The next start gets a new one."""
        if self._keeper is not None:
            self._keeper.kill()
            self._keeper.wait()

    def close(self) -> None:
        """Start nothing more, and let the keeper go: it ends when its last program has."""
        self._closed = True
        self._let_keeper_go()

    def _let_keeper_go(self) -> None:
        while self._spares:
            self._spares.popleft().discard()
        if self._requests is not None:
            self._requests.close()
            self._requests = None
        if self._keeper is not None:
            try:
                self._keeper.wait(timeout=CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self._keeper.kill()
                self._keeper.wait()
            self._keeper = None


def _file_of(data: bytes) -> int:
    """A descriptor from which exactly these bytes are read."""
    if not data:
        return os.open(os.devnull, os.O_RDONLY)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())


def _sent(control: socket.socket, data: bytes, fds: Sequence[int] = ()) -> bytes:
    """Send what can be sent at once; the rest. An error is left to who sends that, and what came without its descriptors
    is refused there."""
    try:
        if fds:
            return data[socket.send_fds(control, [data], list(fds), socket.MSG_DONTWAIT) :]
        return data[control.send(data, socket.MSG_DONTWAIT) :]
    except OSError:
        return data


class Program:
    """One started program. Closing its control socket, or dying, ends it."""

    def __init__(
        self,
        launch: bytes,
        spare: Spare,
        on_silence: Callable[[], None],
        entered: Callable[[], None] = lambda: None,
    ) -> None:
        self._unsent = _sent(spare.control, launch)
        self._on_silence = on_silence
        self._entered = entered
        self._socket = spare.control
        self._pipes = (spare.stdout, spare.stderr)
        self._killed: Ending | None = None
        self._control: Control | None = None
        self._output_left = 0
        self._paused = False
        self._answered = asyncio.Event()
        self.supervisor: int | None = None
        """Its process id while the program runs."""

    @property
    def paused(self) -> bool:
        """Whether its processes are stopped."""
        return self._paused

    def pause(self, paused: bool) -> None:
        """Stop its processes, or let them go on."""
        self._paused = paused
        self._send_pause()

    def _send_pause(self) -> None:
        self._tell({"pause": self._paused})

    async def answers(self, seconds: float = ANSWER_SECONDS) -> bool:
        """Whether its supervisor answers, or has no need to: it has not begun, or it is ending. One that is mute is killed."""
        supervisor = self.supervisor
        if self._control is None or supervisor is None or self._killed is not None:
            return True
        self._answered.clear()
        self._tell({"ping": True})
        try:
            async with asyncio.timeout(seconds):
                await self._answered.wait()
        except TimeoutError:
            if self.supervisor != supervisor or self._killed is not None:
                return True
            with contextlib.suppress(ProcessLookupError):
                os.kill(supervisor, signal.SIGKILL)
            return False
        return True

    def kill(self, reason: Ending = Ending.KILLED) -> None:
        """Ask the supervisor to end it; the first reason stays."""
        if self._killed is None:
            self._killed = reason
            self._send_kill()

    def _send_kill(self) -> None:
        if self._killed is not None:
            self._tell({"kill": self._killed})

    def _tell(self, wish: Mapping[str, object]) -> None:
        """Tell the supervisor, if it is there."""
        if self._control is not None:
            self._control.send(json.dumps(wish).encode() + b"\n")

    async def wait(self, on_output: OnOutput, output_bytes: int | None) -> ExitStatus:
        """Deliver output until the end. When cancelled, everything is killed before this raises."""
        self._output_left = output_bytes if output_bytes is not None else sys.maxsize
        try:
            self._control = control = Control(self._socket, self._unsent)
            try:
                return await self._attend(control, on_output)
            finally:
                await self._let_go(control)
        finally:
            for fd in self._pipes:
                os.close(fd)

    async def _attend(self, control: Control, on_output: OnOutput) -> ExitStatus:
        if self._paused:
            self._send_pause()
        self._send_kill()
        try:
            async with asyncio.TaskGroup() as group:
                deliveries = [
                    group.create_task(self._deliver("stdout", self._pipes[0], on_output)),
                    group.create_task(self._deliver("stderr", self._pipes[1], on_output)),
                ]
                status = await self._follow(control)
                await asyncio.wait(deliveries, timeout=DELIVERY_SECONDS)
                for delivery in deliveries:
                    delivery.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return status

    async def _follow(self, control: Control) -> ExitStatus:
        try:
            async with asyncio.timeout(START_SECONDS):
                message = await control.message()
        except TimeoutError:
            self._on_silence()
            raise SandboxError(problem=f"its supervisor did not answer for {START_SECONDS:g} s") from None
        while message is not None:
            self._answered.set()
            if "refused" in message:
                raise SandboxError(problem=message["refused"])
            if "unfit" in message:
                raise Unfit(problem=message["unfit"])
            if "entered" in message:
                self._entered()
            self.supervisor = message.get("supervisor", self.supervisor)
            if "ended" in message:
                return ExitStatus(**message["ended"] | {"reason": Ending(message["ended"]["reason"])})
            message = await control.message()
        self._answered.set()
        return ExitStatus(reason=Ending.LOST)

    async def _deliver(self, name: Literal["stdout", "stderr"], fd: int, on_output: OnOutput) -> None:
        """Read on the loop by hand: a pipe transport of uvloop closes its descriptor twice, which is
        another's by then when a thread opens a file in between."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        os.set_blocking(fd, False)
        loop.add_reader(fd, readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                try:
                    data = os.read(fd, CHUNK)
                except BlockingIOError:
                    continue
                if not data:
                    return
                on_output(name, data[: max(self._output_left, 0)])
                self._output_left -= len(data)
                if self._output_left < 0:
                    self.kill(Ending.OUTPUT_LIMIT)
        finally:
            loop.remove_reader(fd)

    async def _let_go(self, control: Control) -> None:
        """Close the control socket, which kills whatever is left, and wait until the supervisor is gone."""
        self.supervisor = None
        try:
            if not control.over:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(control.end(), END_SECONDS)
        finally:
            control.close()
