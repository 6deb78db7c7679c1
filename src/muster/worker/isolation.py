"""The isolation levels of a worker: which driver runs a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from muster.domain.agent_task import SANDBOX_LABEL
from muster.sandboxes.sandbox import Driver, SandboxUnavailable


@dataclass(frozen=True, slots=True)
class Isolation:
    """`usual` runs what demands nothing; `others` are the further levels that work on this host."""

    usual: Driver
    others: Sequence[Driver] = ()
    _levels: Mapping[str, Driver] = field(init=False)

    def __post_init__(self) -> None:
        levels = {driver.level: driver for driver in (*self.others, self.usual)}
        object.__setattr__(self, "_levels", levels)

    @property
    def labels(self) -> list[str]:
        """What the worker offers to tasks that demand a level."""
        return [f"{SANDBOX_LABEL}{level}" for level in sorted(self._levels)]

    def driver_for(self, requires: Sequence[str]) -> Driver:
        """The driver of the level that is demanded, else the usual one. SandboxUnavailable: never a weaker one."""
        for label in requires:
            if label.startswith(SANDBOX_LABEL):
                level = label.removeprefix(SANDBOX_LABEL)
                if level not in self._levels:
                    raise SandboxUnavailable(level=level, problem="this worker does not offer it")
                return self._levels[level]
        return self.usual

    async def forget(self, name: str) -> None:
        """Remove what a sandbox of that name left on any level, when its worker crashed."""
        for driver in self._levels.values():
            await driver.forget(name)

    async def close(self) -> None:
        """Release all drivers."""
        for driver in self._levels.values():
            await driver.close()
