"""The sandboxes a worker has open, and a short series of what each uses."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from muster.client.wire_hosts import Sample, SandboxReport
from muster.domain.errors import MusterError
from muster.sandboxes.sandbox import Capabilities, Driver, Health, Sandbox, SandboxSpec

log = logging.getLogger(__name__)

EVERY_SECONDS: Final = 2.0
HEALTH_SECONDS: Final = 10.0
"""Between one look at whether the sandboxes are well and the next."""
KEPT: Final = 60


@dataclass(slots=True)
class _Open:
    sandbox: Sandbox
    attempt_id: str
    level: str
    limits: Mapping[str, float]
    traffic: Callable[[], tuple[int, int]] | None = None
    paused: bool = False
    unsent: deque[Sample] = field(default_factory=lambda: deque(maxlen=KEPT))


class Roster:
    """Drivers given out by `watched` enter what they open, and strike it off when it closes."""

    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._open: dict[str, _Open] = {}
        self._closing: Callable[[Sandbox], Awaitable[None]] | None = None

    def on_closing(self, before: Callable[[Sandbox], Awaitable[None]]) -> None:
        """What has to be over before a sandbox closes. It is in the roster no more when this is called."""
        self._closing = before

    def find(self, attempt_id: str) -> Sandbox | None:
        """The sandbox that an attempt has open now."""
        return next((entry.sandbox for entry in self._open.values() if entry.attempt_id == attempt_id), None)

    def watched(self, driver: Driver, attempt_id: str) -> Driver:
        """The same driver, for one attempt."""
        return _Watched(driver, self, attempt_id)

    def enter(self, spec: SandboxSpec, sandbox: Sandbox, level: str, attempt_id: str) -> None:
        """A sandbox was opened."""
        limits = {name: float(value) for name, value in asdict(spec.limits).items() if value is not None}
        self._open[spec.name] = _Open(sandbox, attempt_id, level, limits, spec.traffic)

    async def strike(self, name: str) -> None:
        """It is about to close."""
        entry = self._open.pop(name, None)
        if entry is not None and self._closing is not None:
            await self._closing(entry.sandbox)

    async def run(self) -> None:
        """Take a sample of each every two seconds, and see whether they are well, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_well())
            while True:
                await asyncio.sleep(EVERY_SECONDS)
                await self.sample()

    async def _keep_well(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_SECONDS)
            await self.check_health()

    async def check_health(self) -> None:
        """Ask each whether it is well; one that is not has been given up by that, and its attempt ends."""
        entries = list(self._open.items())
        answers = await asyncio.gather(*(entry.sandbox.health() for _, entry in entries))
        for (name, entry), answer in zip(entries, answers, strict=True):
            if answer is Health.LOST:
                log.warning("%s: its sandbox (%s) answers no more and was given up", name, entry.level)

    async def sample(self) -> None:
        """Take a sample of each now."""
        for entry in list(self._open.values()):
            try:
                stats = await entry.sandbox.stats()
            except (OSError, MusterError):
                continue  # it is just closing
            entry.paused = stats.paused
            received, sent = (None, None) if entry.traffic is None else entry.traffic()
            entry.unsent.append(
                Sample(
                    at_ms=self._now_ms(),
                    cpu_seconds=round(stats.cpu_seconds, 3),
                    memory_bytes=stats.memory_bytes,
                    processes=stats.processes,
                    disk_bytes=stats.disk_bytes,
                    rx_bytes=received,
                    tx_bytes=sent,
                )
            )

    def reports(self) -> list[SandboxReport]:
        """All that are open, each with its samples since `told`."""
        return [
            SandboxReport(
                name=name[:200],
                attempt_id=entry.attempt_id,
                level=entry.level,
                state="paused" if entry.paused else "running",
                limits=dict(entry.limits),
                samples=list(entry.unsent),
            )
            for name, entry in self._open.items()
        ][:1000]

    def told(self, reports: Sequence[SandboxReport]) -> None:
        """The server has these samples."""
        for report in reports:
            entry = self._open.get(report.name)
            while (
                entry
                and report.samples
                and entry.unsent
                and entry.unsent[0].at_ms <= report.samples[-1].at_ms
            ):
                entry.unsent.popleft()


@dataclass(slots=True)
class _Watched:
    """A driver whose sandboxes are in the roster while they are open."""

    driver: Driver
    roster: Roster
    attempt_id: str

    @property
    def level(self) -> str:
        return self.driver.level

    async def probe(self) -> Capabilities:
        return await self.driver.probe()

    async def open(self, spec: SandboxSpec) -> Sandbox:
        sandbox = await self.driver.open(spec)
        self.roster.enter(spec, sandbox, self.level, self.attempt_id)
        return _Listed(sandbox, self.roster, spec.name)

    async def forget(self, name: str) -> None:
        await self.driver.forget(name)

    async def close(self) -> None:
        await self.driver.close()


class _Listed:
    """A sandbox that strikes itself off when it closes; all else is the sandbox's own."""

    def __init__(self, sandbox: Sandbox, roster: Roster, name: str) -> None:
        self._sandbox = sandbox
        self._roster = roster
        self._name = name
        self.exec = sandbox.exec
        self.kill = sandbox.kill
        self.pause = sandbox.pause
        self.resume = sandbox.resume
        self.stats = sandbox.stats
        self.health = sandbox.health
        self.entrance = sandbox.entrance

    @property
    def home(self) -> Path:
        return self._sandbox.home

    async def close(self) -> None:
        try:
            await self._roster.strike(self._name)
        finally:
            await self._sandbox.close()
