"""What a worker says of its host and of the sandboxes that are open there."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Bytes = Annotated[int, Meta(ge=0, le=2**60)]
Word = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
Reason = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class Gpu(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A graphics processor."""

    name: Word
    memory_bytes: Bytes | None = None
    memory_used_bytes: Bytes | None = None


class HostAgent(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An agent installed there. `signed_in`: it can reach its model by itself; `signs_in_by`: variables and files that do it."""

    name: Word
    version: Word = ""
    signed_in: bool = False
    title: Word = ""
    signs_in_by: Annotated[list[Word], Meta(max_length=20)] = []


class AbsentAgent(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An agent that muster knows and that is not there; `problem` says why."""

    name: Word
    title: Word = ""
    problem: Reason = ""


class HostLevel(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An isolation level of sandboxes there; a `reason` why it is not to be had."""

    level: Word
    available: bool
    reason: Reason = ""


class HostPool(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Sandboxes that stand there before they are needed. `served` and `missed` count programs since the worker's start."""

    wanted: Annotated[int, Meta(ge=0, le=10_000)] = 0
    ready: Annotated[int, Meta(ge=0, le=10_000)] = 0
    served: Annotated[int, Meta(ge=0, le=2**53)] = 0
    missed: Annotated[int, Meta(ge=0, le=2**53)] = 0
    memory_bytes: Bytes = 0


class HostFacts(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A host as it is now. `load` is the average number of runnable processes over the last minute."""

    processors: Annotated[int, Meta(ge=0, le=100_000)] = 0
    load: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    memory_bytes: Bytes | None = None
    memory_free_bytes: Bytes | None = None
    gpus: Annotated[list[Gpu], Meta(max_length=64)] = []
    agents: Annotated[list[HostAgent], Meta(max_length=100)] = []
    absent: Annotated[list[AbsentAgent], Meta(max_length=100)] = []
    levels: Annotated[list[HostLevel], Meta(max_length=20)] = []
    warm: HostPool | None = None


class Sample(Struct, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """What a sandbox used: [milliseconds since the epoch, processor seconds, resident bytes, processes, bytes on disk,
    bytes received, bytes sent]. The last two are null, or left out, where nothing counts them."""

    at_ms: Annotated[int, Meta(ge=0)]
    cpu_seconds: Annotated[float, Meta(ge=0)]
    memory_bytes: Bytes
    processes: Annotated[int, Meta(ge=0)]
    disk_bytes: Bytes
    rx_bytes: Bytes | None = None
    tx_bytes: Bytes | None = None


SandboxName = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class SandboxReport(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """An open sandbox, with what it used since the last report."""

    name: SandboxName
    attempt_id: Word
    level: Word
    state: Literal["running", "paused"] = "running"
    limits: dict[Word, float] = {}
    samples: Annotated[list[Sample], Meta(max_length=120)] = []
