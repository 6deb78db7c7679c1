"""Shapes of sandboxes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muster.api.schemas.shape import Answer, Body, Moment


class SandboxSample(Answer):
    """What a sandbox used at a moment."""

    at: Moment
    cpu_seconds: float = Field(description="Processor time of the running program and all it started.")
    memory_bytes: int = Field(description="Resident, of each process: pages they share count for each.")
    processes: int
    disk_bytes: int = Field(description="Allocated in the folders it can write.")
    rx_bytes: int | None = Field(
        description="Received by its ways out since the attempt began; null: not counted."
    )
    tx_bytes: int | None = Field(description="Sent by them; null: not counted.")


class Sandbox(Answer):
    """An open sandbox, with two minutes of what it used."""

    id: str
    worker_id: str
    host: str | None
    attempt_id: str | None
    task_id: str | None
    title: str | None = Field(description="Of its task.")
    agent: str | None = Field(description="Which program works in it; null: a script.")
    level: str = Field(description="The isolation level in force.", examples=["bubblewrap"])
    state: str = Field(description="running or paused")
    created_at: Moment
    last_seen_at: Moment
    limits: dict[str, float] = Field(
        description="In force: memory_bytes, cpu_seconds, processes, file_bytes, disk_bytes, cpus."
    )
    network: Literal["none", "hosts", "open"] = Field(
        description="What it reaches beside its models: nothing, `allow_hosts`, or everything."
    )
    allow_hosts: list[str]
    no_traffic: str | None = Field(description="Why its network is not counted; null: it is.")
    no_console: str | None = Field(description="Why no console can be opened in it; null: one can.")
    samples: list[SandboxSample]


class SandboxList(Answer):
    """Open sandboxes by id."""

    items: list[Sandbox]


class ConsoleSize(Body):
    """How large the terminal is, in characters."""

    columns: int = Field(default=80, ge=1, le=1_000)
    rows: int = Field(default=24, ge=1, le=1_000)


class Console(Answer):
    """A shell in a sandbox that was opened."""

    id: str
    sandbox_id: str
    task_id: str
    level: str
    isolated: bool = Field(
        description="False: the shell is on the machine as the worker's user, not in a sandbox."
    )
    idle_minutes: float = Field(description="Without a key for so long, it ends.")
