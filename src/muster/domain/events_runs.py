"""Facts about runs: which agent works on an attempt, in which session, on which branch and commits.

What a run says, calls and costs is counted in its row and kept with its chunks, not told here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from muster.domain.payload import Payload


@dataclass(slots=True)
class RunStarted(Payload):
    """An agent began to work on the attempt; `fields` says which, with what model, where."""

    kind: ClassVar[str] = "run.started"
    fields: dict[str, Any]


@dataclass(slots=True)
class RunDescribed(Payload):
    """More became known of a run, or it moved on: its session, model, branch or commits. Only those that changed
    are named."""

    kind: ClassVar[str] = "run.described"
    changes: dict[str, Any]


@dataclass(slots=True)
class TaskMerged(Payload):
    """An attempt's work (`commit`) was merged into a branch of its repository, which is at `merge_commit` since."""

    kind: ClassVar[str] = "task.merged"
    commit: str
    into: str
    merge_commit: str
    way: str
    by: str = ""
    """Who merged it, as far as they said."""


@dataclass(slots=True)
class ConsoleOpened(Payload):
    """Somebody opened a shell in the attempt's sandbox; `by` is where they called from. What is typed is not kept."""

    kind: ClassVar[str] = "console.opened"
    sandbox: str
    worker_id: str
    level: str
    by: str


@dataclass(slots=True)
class ProviderFailing(Payload):
    """Calls to a model provider failed in a row: its agents' tasks wait until `until` (microseconds)."""

    kind: ClassVar[str] = "provider.failing"
    provider: str
    message: str
    until: int


@dataclass(slots=True)
class ProviderRecovered(Payload):
    """A model provider answers again, or somebody said to try it: its agents' tasks go on."""

    kind: ClassVar[str] = "provider.recovered"
    provider: str


@dataclass(slots=True)
class RunCharged(Payload):
    """Calls to models cost more (`amount`) than the end of the attempt settled: it died, was cancelled, or they were
    told of late."""

    kind: ClassVar[str] = "run.charged"
