"""A sandbox that is a virtual machine: carries its folders in and out, runs programs by the guest's agent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from muster.domain.console import NO_CONSOLE, NoConsole
from muster.sandboxes import guest_tree
from muster.sandboxes.doorway import listen
from muster.sandboxes.folders import remove_tree
from muster.sandboxes.guest_agent import FRAME, LENGTH
from muster.sandboxes.launcher import ANSWER_SECONDS
from muster.sandboxes.microvm import DISK, VSOCK, MicroVm, answer_in, identity
from muster.sandboxes.private_etc import HOME
from muster.sandboxes.quota import Quotas
from muster.sandboxes.sandbox import (
    Ending,
    ExitStatus,
    Health,
    OnOutput,
    SandboxError,
    SandboxSpec,
    Stats,
)
from muster.sandboxes.stdin import Stdin
from muster.sandboxes.supervised import FIND, judge, private_dir
from muster.sandboxes.terminal import Entrance
from muster.sandboxes.usage import BLOCK, Usage, usage_below
from muster.sandboxes.view import inside_env

CHUNK: Final = 65_536
KILL_SECONDS: Final = 5.0
"""For the guest to end everything; then its machine is ended."""
ADOPT_SECONDS: Final = 60.0
FIRST_DOOR: Final = 2000
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class Carried:
    """A folder that is on both sides. `known` is how it was when both were the same."""

    root: int
    outside: Path
    place: Path
    without: frozenset[str]
    known: Mapping[str, os.stat_result] = field(default_factory=dict[str, os.stat_result])


@dataclass(frozen=True, slots=True)
class Layout:
    """What a machine shows: folders that are carried, what the shared disk holds by number, places that are hidden."""

    carried: Sequence[Carried]
    former: Path | None
    shared: Sequence[Path]
    hidden: Sequence[Path]

    @classmethod
    def of(cls, spec: SandboxSpec, working_dir: Path) -> Layout:
        """The folders of an attempt, at the same places inside as outside."""
        writable = {working_dir: working_dir} | {path.resolve(): path.resolve() for path in spec.writable}
        writable[spec.scratch.resolve()] = spec.scratch.resolve()
        if spec.home is not None:
            writable[HOME] = spec.home.resolve()
        private = private_dir(spec).resolve()
        masked = [*spec.hidden, private]
        outsides = [*writable.values(), *masked]
        carried = [
            Carried(
                number,
                outside,
                place,
                frozenset(
                    str(other.relative_to(outside))
                    for other in outsides
                    if other != outside and other.is_relative_to(outside)
                ),
            )
            for number, (place, outside) in enumerate(writable.items())
        ]
        system = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")
        shared = [
            path
            for path in dict.fromkeys(spec.readable)
            if path.exists()
            and not any(path.is_relative_to(place) for place in writable)
            and not any(path.is_relative_to(name) for name in system)
        ]
        shown = [*writable, *shared]
        hidden = [
            path
            for path in spec.hidden
            if path.is_dir() and any(path.is_relative_to(place) for place in shown)
        ]
        return cls(carried, spec.former, shared, hidden)

    def folders(self) -> list[dict[str, Any]]:
        """As the guest's agent reads them, outer ones first."""
        found: list[dict[str, Any]] = [
            {"place": str(entry.place), "root": entry.root, "without": sorted(entry.without)}
            for entry in self.carried
        ]
        if self.former is not None:
            found.append(found[0] | {"place": str(self.former)})
        found += [{"place": str(path), "shared": number} for number, path in enumerate(self.shared)]
        found += [{"place": str(path)} for path in self.hidden]
        return sorted(found, key=lambda entry: entry["place"].count("/"))


class MicroVmSandbox:
    """Runs one program at a time in a machine that runs already. What a program changes comes out when it has ended."""

    def __init__(
        self,
        spec: SandboxSpec,
        machine: MicroVm,
        layout: Layout,
        path: str,
        *,
        disk_bytes: int,
        ended: Callable[[], Awaitable[None]],
    ) -> None:
        self._spec = spec
        self._machine = machine
        self._layout = layout
        self._env = inside_env(path)
        self._disk_bytes = disk_bytes
        self._ended = ended
        self._run: _Run | None = None
        self._killed = False
        self._paused = False
        self._doors: dict[tuple[int, str], tuple[int, asyncio.Server]] = {}
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def home(self) -> Path:
        """HOME of programs inside."""
        return HOME

    async def adopt(self, network: Mapping[str, Any] | None) -> None:
        """Give the machine its identity, its folders, and its addresses if it has a network."""
        request = {"do": "adopt", "folders": self._layout.folders(), "network": network, **identity()}
        await self._machine.answering(ADOPT_SECONDS, request)

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        on_output: OnOutput,
        cwd: Path | None = None,
        stdin: bytes | Stdin = b"",
        timeout: float | None = None,
    ) -> ExitStatus:
        """Carry in what changed outside, run a program, and carry out what it changed."""
        if self._killed:
            return ExitStatus(reason=Ending.KILLED)
        place = cwd or self._spec.working_dir.resolve()
        limits = self._spec.limits
        rlimits = dict(Quotas(()).plan("", replace(limits, memory_bytes=None)).rlimits)
        if limits.processes is not None:
            rlimits["RLIMIT_NPROC"] = (limits.processes, limits.processes)
        request: dict[str, Any] = {
            "do": "run",
            "argv": [*FIND, *argv],
            "env": {**self._env, "PWD": str(place), **env},
            "cwd": str(place),
            "rlimits": rlimits,
        }
        try:
            request["doors"] = await self._carry_in()
            status = await self._follow(request, on_output, stdin, timeout)
        finally:
            if isinstance(stdin, Stdin):
                stdin.detach()
        return status

    async def _follow(
        self, request: Mapping[str, Any], on_output: OnOutput, stdin: bytes | Stdin, timeout: float | None
    ) -> ExitStatus:
        if self._killed:
            return ExitStatus(reason=Ending.KILLED)
        run = self._run = _Run(self._machine, self._spec, on_output)
        try:
            status = await run.to_its_end(request, stdin, timeout)
        except BaseException:
            await self._machine.close()
            raise
        finally:
            self._run = None
        if status.reason is not Ending.LOST and not self._machine.ended:
            await self._carry_out()
        return status

    async def _carry_in(self) -> list[tuple[int, str, int]]:
        """What changed outside; and the sockets there, which are doors inside."""
        doors: list[tuple[int, str, int]] = []
        for entry in self._layout.carried:
            sockets: list[str] = []
            try:
                await asyncio.to_thread(self._send, entry, sockets)
            except (OSError, EOFError, ValueError) as error:
                raise SandboxError(problem=f"{entry.outside} was not carried in: {error}") from error
            doors += [(entry.root, path, await self._door(entry, path)) for path in sockets]
        return doors

    def _send(self, entry: Carried, sockets: list[str]) -> None:
        now = guest_tree.scan(str(entry.outside), entry.without, sockets)
        request = {"do": "take", "root": entry.root, "most": self._disk_bytes}
        with self._machine.stream(request) as (reading, writing):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                guest_tree.send(str(entry.outside), entry.known, now, writing)
            answer_in(reading.readline())
        entry.known = now

    async def _carry_out(self) -> None:
        for entry in self._layout.carried:
            try:
                await asyncio.to_thread(self._receive, entry)
            except (OSError, EOFError, ValueError, KeyError, guest_tree.Untrusted) as error:
                raise SandboxError(problem=f"{entry.outside} was not carried out: {error}") from error

    def _receive(self, entry: Carried) -> None:
        with self._machine.stream({"do": "give", "root": entry.root}) as (reading, writing):
            writing.flush()
            guest_tree.receive(str(entry.outside), reading, most=self._disk_bytes)
        entry.known = guest_tree.scan(str(entry.outside), entry.without)

    async def _door(self, entry: Carried, path: str) -> int:
        """The port by which the guest reaches a socket out here."""
        present = self._doors.get((entry.root, path))
        if present is not None:
            return present[0]
        port = FIRST_DOOR + len(self._doors)
        place = self._machine.folder / f"{VSOCK}_{port}"
        listener = listen(place)
        self._machine.place.give(place)

        async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talk = asyncio.current_task()
            if talk is not None:
                self._talks.add(talk)
                talk.add_done_callback(self._talks.discard)
            await _join((reader, writer), entry.outside / path)

        server = await asyncio.start_unix_server(pass_on, sock=listener)
        self._doors[entry.root, path] = port, server
        return port

    def kill(self) -> None:
        """End the running program, and start no other."""
        self._killed = True
        if self._run is not None:
            self.resume()
            self._run.stop(Ending.KILLED)

    def pause(self) -> None:
        """Stop the machine."""
        if self._run is not None:
            self._paused = True
            self._machine.pause(True)

    def resume(self) -> None:
        """Let it go on."""
        if self._paused:
            self._paused = False
            self._machine.pause(False)

    async def stats(self) -> Stats:
        """What the machine takes of the host; how many processes are in it, as it says."""
        supervisor = None if self._run is None else self._machine.program.supervisor
        usage = await asyncio.to_thread(usage_below, supervisor, 0) if supervisor else Usage()
        processes = 0
        if supervisor and not self._paused:
            with contextlib.suppress(OSError, EOFError, TimeoutError, SandboxError):
                processes = int((await self._machine.ask({"do": "ping"}, ANSWER_SECONDS))["processes"])
        with contextlib.suppress(OSError):
            return Stats(
                cpu_seconds=usage.cpu_seconds,
                memory_bytes=usage.memory_bytes,
                processes=processes,
                disk_bytes=(self._machine.folder / DISK).stat().st_blocks * BLOCK,
                paused=self._paused,
            )
        return Stats(cpu_seconds=0, memory_bytes=0, processes=0, disk_bytes=0, paused=False)

    def entrance(self, env: Mapping[str, str]) -> Entrance:
        """There is none."""
        raise NoConsole(problem=NO_CONSOLE["firecracker"])

    async def health(self, within: float = ANSWER_SECONDS) -> Health:
        """Ask the guest's agent; a machine whose agent does not answer is ended."""
        run = self._run
        if run is None:
            return Health.IDLE
        if self._paused:
            return Health.WELL if await self._machine.program.answers(within) else Health.LOST
        try:
            await self._machine.ask({"do": "ping"}, within)
        except (OSError, EOFError, TimeoutError, SandboxError):
            if self._run is not run or run.stopping:
                return Health.WELL
            self._machine.kill()
            return Health.LOST
        return Health.WELL

    async def close(self) -> None:
        """End the machine, and remove its disk and its sockets."""
        self.kill()
        await self._machine.close()
        for _, server in self._doors.values():
            server.close()
        for talk in list(self._talks):
            talk.cancel()
        self._doors.clear()
        await self._ended()
        await asyncio.to_thread(remove_tree, private_dir(self._spec))


class _Run:
    """One program in the guest."""

    def __init__(self, machine: MicroVm, spec: SandboxSpec, on_output: OnOutput) -> None:
        self._machine = machine
        self._spec = spec
        self._on_output = on_output
        self._output_left = spec.limits.output_bytes
        self._reason: Ending | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._timers: list[asyncio.TimerHandle] = []

    @property
    def stopping(self) -> bool:
        """Whether it was told to end."""
        return self._reason is not None

    async def to_its_end(
        self, request: Mapping[str, Any], stdin: bytes | Stdin, timeout: float | None
    ) -> ExitStatus:
        """Run it. LOST when the machine went away by itself."""
        loop = asyncio.get_running_loop()
        if timeout is not None:
            self._timers.append(loop.call_later(timeout, self.stop, Ending.TIMEOUT))
        try:
            reader, writer = await self._machine.talk(request)
            self._writer = writer
            answer_in(await reader.readline())
            if self.stopping:
                self._ask_to_end()
            ended = await self._attend(reader, writer, stdin)
        except (OSError, EOFError):
            await self._machine.close()
            return ExitStatus(reason=self._reason or Ending.LOST)
        finally:
            for timer in self._timers:
                timer.cancel()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        return self._judged(ended)

    def _judged(self, ended: Mapping[str, Any]) -> ExitStatus:
        status = ExitStatus(code=ended["code"], signal=ended["signal"], reason=self._reason or Ending.EXIT)
        if status.reason is Ending.EXIT and status.code != 0 and ended["disk_full"]:
            return replace(status, reason=Ending.DISK_LIMIT)
        return judge(status, {"memory"} if ended["out_of_memory"] else set())

    async def _attend(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stdin: bytes | Stdin
    ) -> Mapping[str, Any]:
        try:
            async with asyncio.TaskGroup() as group:
                feeding = group.create_task(_feed(stdin, writer))
                try:
                    return await self._frames(reader)
                finally:
                    feeding.cancel()
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _frames(self, reader: asyncio.StreamReader) -> Mapping[str, Any]:
        while True:
            letter, size = FRAME.unpack(await reader.readexactly(FRAME.size))
            data = await reader.readexactly(size)
            match letter:
                case b"o":
                    self._deliver("stdout", data)
                case b"e":
                    self._deliver("stderr", data)
                case _:
                    return json.loads(data)

    def _deliver(self, stream: Any, data: bytes) -> None:
        if self._output_left is None:
            self._on_output(stream, data)
            return
        self._on_output(stream, data[: max(self._output_left, 0)])
        self._output_left -= len(data)
        if self._output_left < 0:
            self.stop(Ending.OUTPUT_LIMIT)

    def stop(self, reason: Ending) -> None:
        """Ask everything in the guest to end, end it a while later, and its machine when that does not help."""
        if self._reason is not None:
            return
        self._reason = reason
        self._machine.pause(False)
        if self._writer is not None:
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        loop, grace = asyncio.get_running_loop(), self._spec.grace_seconds
        self._say(b"t")
        self._timers.append(loop.call_later(grace, self._say, b"k"))
        self._timers.append(loop.call_later(grace + KILL_SECONDS, self._machine.kill))

    def _say(self, letter: bytes) -> None:
        if self._writer is not None:
            self._writer.write(FRAME.pack(letter, 0))


async def _feed(stdin: bytes | Stdin, writer: asyncio.StreamWriter) -> None:
    """Standard input, and its end."""
    with contextlib.suppress(ConnectionError):
        if isinstance(stdin, bytes):
            for start in range(0, len(stdin), CHUNK):
                await _give(writer, stdin[start : start + CHUNK])
        else:
            await _feed_from(stdin.attach(), writer)
        writer.write(FRAME.pack(b"c", 0))


async def _feed_from(fd: int, writer: asyncio.StreamWriter) -> None:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    os.set_blocking(fd, False)
    loop.add_reader(fd, readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            with contextlib.suppress(BlockingIOError):
                data = os.read(fd, CHUNK)
                if not data:
                    return
                await _give(writer, data)
    finally:
        loop.remove_reader(fd)
        os.close(fd)


async def _give(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(FRAME.pack(b"i", len(data)) + data)
    await writer.drain()


async def _join(inner: Streams, path: Path) -> None:
    """A connection of the guest's to a socket out here, both ways."""
    try:
        outer = await asyncio.open_unix_connection(path)
    except OSError:
        inner[1].close()
        return
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_outward(inner[0], outer[1]))
            group.create_task(_inward(outer[0], inner[1]))
    finally:
        for _, writer in (inner, outer):
            writer.close()


async def _outward(guest: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes behind their number, until zero of them or the guest's end."""
    with contextlib.suppress(ConnectionError, EOFError):
        while size := LENGTH.unpack(await guest.readexactly(LENGTH.size))[0]:
            writer.write(await guest.readexactly(size))
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _inward(reader: asyncio.StreamReader, guest: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(CHUNK):
            guest.write(LENGTH.pack(len(data)) + data)
            await guest.drain()
        guest.write(LENGTH.pack(0))
        await guest.drain()
