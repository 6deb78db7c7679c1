"""Which mechanism enforces which limit on this host: control groups, else resource limits and a watch."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from muster.sandboxes import cgroup
from muster.sandboxes.sandbox import Limits

LINUX = sys.platform.startswith("linux")
NAMES: Final = {"pids": "processes", "cpu": "cpus"}
"""Limits whose controller is called something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one sandbox's limits come to. Bytes and counts; None is not enforced this way."""

    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    group: cgroup.Group | None = None
    disk_bytes: int | None = None
    watch_memory: int | None = None
    watch_processes: int | None = None
    watch_cpu: int | None = None


@dataclass(frozen=True, slots=True)
class Quotas:
    """The mechanisms of one host."""

    parents: Sequence[cgroup.Parent]

    @classmethod
    def detect(cls) -> Quotas:
        """Try what works here."""
        return cls(tuple(cgroup.writable_parents()))

    def in_force(self) -> Mapping[str, str]:
        """The mechanism by limit; a limit that is not enforced is not listed."""
        found = {"wall_seconds": "supervisor", "output": "worker", "cpu_seconds": "RLIMIT_CPU, each process"}
        found["disk"] = "watched"
        found["file"] = "RLIMIT_FSIZE, each file"
        if LINUX:
            found["memory"] = "RLIMIT_DATA, each process; resident memory of all watched"
            found["processes"] = "watched"
        for parent in self.parents:
            for controller in parent.controllers:
                found[NAMES.get(controller, controller)] = f"cgroup v{parent.version}"
        return found

    def plan(self, name: str, limits: Limits) -> Plan:
        """Set up the enforcement for one sandbox. Whatever no control group enforces is watched."""
        return self._planned(
            limits, cgroup.create(self.parents, f"muster-{name}", limits) if self.parents else None
        )

    def group(self, name: str, limits: Limits) -> cgroup.Group | None:
        """Groups for `plan_within` later, perhaps with other limits; None where there are none or they cannot be made."""
        return cgroup.create(self.parents, name, limits) if self.parents else None

    def plan_within(self, group: cgroup.Group | None, present: Limits, limits: Limits) -> Plan:
        """The same as `plan` for a sandbox that is in `group` already, with its `present` limits."""
        if group and present != limits and not cgroup.limit(self.parents, group, limits):
            group = None
        return self._planned(limits, group)

    def _planned(self, limits: Limits, group: cgroup.Group | None) -> Plan:
        grouped = group.directories.keys() if group else ()
        watch_memory = None if "memory" in grouped or not LINUX else limits.memory_bytes
        return Plan(
            rlimits=_rlimits(limits, watch_memory),
            group=group,
            disk_bytes=limits.disk_bytes,
            watch_memory=watch_memory,
            watch_processes=None if "pids" in grouped or not LINUX else limits.processes,
        )


def _rlimits(limits: Limits, data_bytes: int | None) -> Mapping[str, tuple[int, int]]:
    found = {"RLIMIT_CORE": (0, 0)}
    if limits.cpu_seconds is not None:
        found["RLIMIT_CPU"] = (limits.cpu_seconds, limits.cpu_seconds + 1)
    if limits.file_bytes is not None:
        found["RLIMIT_FSIZE"] = (limits.file_bytes, limits.file_bytes)
    if data_bytes is not None:
        found["RLIMIT_DATA"] = (data_bytes, data_bytes)
    return found
