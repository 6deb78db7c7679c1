"""Sandboxes that stand before anybody needs them, so that a program begins within a millisecond or two.

Each serves one program and is gone with it. What is known only then joins one at the lease: folders (`mounter.py`),
limits, environment, program. Everything else is as in a cold one, for the same program has made it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.sandboxes import cgroup
from muster.sandboxes.launcher import Launch, Launcher, Program, Spare
from muster.sandboxes.quota import Plan, Quotas
from muster.sandboxes.sandbox import Limits, SandboxError
from muster.sandboxes.stdin import Stdin
from muster.sandboxes.usage import proportional_bytes

log = logging.getLogger(__name__)

REFILL_SECONDS: Final = 0.1
"""After the last lease, so that making the next does not hold up what was leased."""
MOST_WAIT: Final = 0.5
"""Leases that follow each other put it off for so long at the most."""
AT_ONCE: Final = 2
"""Made at the same time at the most."""
MOST_FAILURES: Final = 3
REST_SECONDS: Final = 60.0
"""After so many that did not come to stand."""
MESSAGE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Blank:
    """What a sandbox is before it is leased; equal ones can stand for each other."""

    network: bool
    argv: Sequence[str]
    env: Mapping[str, str]
    documents: Sequence[str]
    first_words: str
    stamp: object
    """Differs when the host has changed so that a new one would show something else."""


@dataclass(slots=True, kw_only=True, eq=False)
class Member:
    """One that stands or is about to."""

    blank: Blank
    spare: Spare
    stdin: int
    group: cgroup.Group | None
    limits: Limits
    """What is set in its group."""
    supervisor: int | None = None
    ready: bool = False
    unsent: bytes = b""
    """Of what its program may see."""
    said: bytearray = field(default_factory=bytearray)

    def read(self) -> bool:
        """Take in what its supervisor says; False when it is not coming to stand."""
        try:
            data = self.spare.control.recv(MESSAGE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.said += data
        for line in self.said.splitlines():
            message: dict[str, Any] = json.loads(line) if line.endswith(b"}") else {}
            self.supervisor = message.get("supervisor", self.supervisor)
            self.ready = self.ready or "ready" in message
            if "unfit" in message or "ended" in message or "refused" in message:
                log.debug("a warm sandbox did not come to stand: %s", line.decode(errors="replace"))
                return False
        return bool(data)

    def discard(self) -> None:
        """Let it go; it ends by that."""
        self.spare.discard()
        os.close(self.stdin)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmFigures:
    """A pool at one moment. `served` and `missed` count programs since its start; bytes are of those that stand."""

    wanted: int
    ready: int
    served: int
    missed: int
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to run in a sandbox from the pool."""

    script: str
    limits: Limits
    timeout: float | None
    grace: float


class WarmPool:
    """Keeps `size` sandboxes standing, of the sorts that were asked for lately. Belongs to the event loop's thread."""

    def __init__(
        self,
        launcher: Launcher,
        quotas: Quotas,
        size: int,
        blank: Callable[[bool], Blank],
        takes_trees: bool,
    ) -> None:
        self._launcher = launcher
        self._quotas = quotas
        self._size = size
        self._blank = blank
        self._takes_trees = takes_trees
        self._lately: deque[bool] = deque([False] * size, maxlen=size)
        self._limits = Limits()
        """Those of the last lease: the next may be alike, and then nothing is left to set."""
        self._members: list[Member] = []
        self._reserved: list[Member] = []
        self._groups_left: list[cgroup.Group] = []
        self._made = self._served = self._missed = self._failures = 0
        self.unfit = 0
        """Leases that came to nothing since the start."""
        self._refilling: asyncio.TimerHandle | None = None
        self._refill_at: tuple[float, float] = (0.0, 0.0)
        """When it is to be, and when at the latest."""
        self._closed = False

    def start(self) -> None:
        """Begin to fill it; what a worker that crashed left of its own is removed first."""
        cgroup.forget_warm(self._quotas.parents)
        self._refill_after(0)

    def figures(self) -> WarmFigures:
        """How it is now. Blocks for some milliseconds: it looks at every process that stands."""
        standing = [member for member in self._members if member.ready]
        memory = sum(proportional_bytes(member.supervisor) for member in standing if member.supervisor)
        return WarmFigures(
            wanted=self._size,
            ready=len(standing),
            served=self._served,
            missed=self._missed,
            memory_bytes=memory,
        )

    @property
    def ready(self) -> int:
        """How many stand."""
        return sum(member.ready for member in self._members)

    def lease(
        self, network: bool, furnish: Callable[[Member], None], *, counts: bool = True
    ) -> Member | None:
        """One that stands and was furnished, which is the caller's from now on. None when there is none like that, which
        `counts` as missed, and when `furnish` raises OSError."""
        blank = self._blank(network)
        member = next((entry for entry in self._members if entry.ready and entry.blank == blank), None)
        try:
            if member is not None:
                furnish(member)
        except OSError:
            return None
        self._lately.append(network)
        self._put_off_refill()
        if member is None:
            self._missed += counts
            return None
        self._members.remove(member)
        asyncio.get_running_loop().remove_reader(member.spare.control.fileno())
        self._served += 1
        return member

    def reserve(self, member: Member) -> None:
        """One that was leased waits for its program; `close` lets it go."""
        self._reserved.append(member)

    def claim(self, member: Member) -> None:
        """Its program has come."""
        self._reserved.remove(member)

    def spoil(self, member: Member) -> None:
        """One that was reserved is not used after all; what `close` has let go is no matter."""
        if member in self._reserved:
            self._reserved.remove(member)
            self._served -= 1
            self._let_go(member)

    def _let_go(self, member: Member) -> None:
        member.discard()
        if member.group is not None:
            self._groups_left.append(member.group)

    def give_up(self) -> None:
        """A lease came to nothing: what was leased was not fit."""
        self.unfit += 1
        self._served -= 1
        self._missed += 1

    def furnish(
        self, member: Member, mounts: Sequence[Mapping[str, Any]], trees: Sequence[int], cwd: str
    ) -> None:
        """Have it begin with what its program may see; `trees` are descriptors of that, where the worker takes them."""
        member.unsent = self._launcher.furnish(member.spare, {"mounts": mounts, "cwd": cwd}, trees)

    def enter(self, member: Member, wish: Wish, entered: Callable[[], None]) -> tuple[Program, Plan]:
        """Set its limits and have it run that."""
        plan = self._quotas.plan_within(member.group, member.limits, wish.limits)
        self._limits = wish.limits
        launch = {
            "timeout": wish.timeout,
            "grace": wish.grace,
            "watch_memory": plan.watch_memory,
            "watch_processes": plan.watch_processes,
            "watch_cpu": plan.watch_cpu,
        }
        entry = {
            "script": wish.script,
            "rlimits": plan.rlimits,
            "launch": launch,
        }
        return self._launcher.enter(member.spare, member.unsent, entry, entered), plan

    def _refill_after(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._refilling is None and not self._closed:
            self._refill_at = loop.time() + seconds, loop.time() + MOST_WAIT
            self._refilling = loop.call_later(seconds, self._refill)

    def _put_off_refill(self) -> None:
        """After a lease: not before there was none for a while."""
        loop = asyncio.get_running_loop()
        self._refill_after(REFILL_SECONDS)
        self._refill_at = loop.time() + REFILL_SECONDS, self._refill_at[1]

    def _refill(self) -> None:
        loop = asyncio.get_running_loop()
        at, latest = self._refill_at
        if loop.time() < min(at, latest):
            self._refilling = loop.call_at(min(at, latest), self._refill)
            return
        self._refilling = None
        self.remove_groups()
        for member in [entry for entry in self._members if entry.blank != self._blank(entry.blank.network)]:
            self._drop(member)
        for network in (False, True):
            have = [member for member in self._members if member.blank.network is network]
            wanted = self._lately.count(network)
            for member in have[wanted:]:
                self._drop(member)
            standing_up = sum(not member.ready for member in self._members)
            for _ in range(min(wanted - len(have), AT_ONCE - standing_up)):
                self._make(self._blank(network))

    def _make(self, blank: Blank) -> None:
        self._made += 1
        group = self._quotas.group(cgroup.warm_name(self._made), self._limits)
        launch = Launch(
            argv=blank.argv,
            env=blank.env,
            cwd="/",
            timeout=None,
            grace=0,
            rlimits={"RLIMIT_CORE": (0, 0)},
            cgroups=list(group.joins) if group else [],
            own_levels=2,
            no_new_privileges=False,
            ends_with_parent=True,
            tells_exit=True,
            documents=blank.documents,
            visits=self._takes_trees,
            warm=blank.first_words,
        )
        try:
            spare, stdin = self._launcher.prepare(launch)
        except SandboxError as error:
            self._failed(error.message)
            return
        member = Member(blank=blank, spare=spare, stdin=stdin, group=group, limits=self._limits)
        self._members.append(member)
        asyncio.get_running_loop().add_reader(spare.control.fileno(), self._heard, member)

    def _heard(self, member: Member) -> None:
        well = member.read()
        if well and member.ready:
            self._failures = 0
            self._refill_after(0)
        elif not well:
            self._drop(member)
            self._failed("it ended before it was needed")

    def _failed(self, problem: str) -> None:
        self._failures += 1
        if self._failures == MOST_FAILURES:
            log.warning("no sandboxes can be kept ready for now: %s", problem)
        self._refill_after(REFILL_SECONDS if self._failures < MOST_FAILURES else REST_SECONDS)

    def _drop(self, member: Member) -> None:
        asyncio.get_running_loop().remove_reader(member.spare.control.fileno())
        self._members.remove(member)
        self._let_go(member)

    def close(self) -> None:
        """Let all go."""
        self._closed = True
        if self._refilling is not None:
            self._refilling.cancel()
        for member in list(self._members):
            self._drop(member)
        for member in list(self._reserved):
            self.spoil(member)

    def remove_groups(self) -> None:
        """Remove the control groups of those that were let go and have ended."""
        self._groups_left = [group for group in self._groups_left if not group.remove()]


@dataclass(slots=True)
class Reserved:
    """A member that was leased and furnished when its sandbox was opened, for the first program that starts in `cwd`."""

    pool: WarmPool
    member: Member | None
    cwd: str

    def __post_init__(self) -> None:
        if self.member is not None:
            self.pool.reserve(self.member)

    def take(self, cwd: str) -> Member | None:
        """It, once, for a program that starts there."""
        if cwd != self.cwd or self.member is None:
            return None
        member, self.member = self.member, None
        self.pool.claim(member)
        return member

    async def close(self) -> None:
        """No program has come for it."""
        if self.member is not None:
            self.pool.spoil(self.member)
            self.member = None


@dataclass(slots=True)
class Leased:
    """A member with its program; what `supervised.Ready` asks for."""

    pool: WarmPool
    member: Member
    stdin: Stdin
    entered: bool = False
    program: Program = field(init=False)
    plan: Plan = field(init=False)

    @staticmethod
    def begin(pool: WarmPool, member: Member, wish: Wish, stdin: bytes | Stdin) -> Leased:
        """Have a member run what is wished for."""
        leased = Leased(pool, member, stdin if isinstance(stdin, Stdin) else _written(stdin))
        leased.program, leased.plan = pool.enter(member, wish, leased._enter)
        return leased

    def _enter(self) -> None:
        self.entered = True
        self.stdin.adopt(self.member.stdin)

    def release(self) -> None:
        """Its program has ended, or none has begun."""
        if self.entered:
            self.stdin.detach()
        else:
            os.close(self.member.stdin)
            self.pool.give_up()


def _written(data: bytes) -> Stdin:
    """Standard input that is these bytes."""
    stdin = Stdin()
    stdin.write(data)
    stdin.close()
    return stdin
