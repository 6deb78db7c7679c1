"""What the API is given: the store, values from the settings, and the parts others run."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Request

from muster.api.consoles import Consoles
from muster.api.downloads import Downloads
from muster.api.longpoll import Drain
from muster.api.metrics import Metrics
from muster.api.pages import Pages
from muster.api.stream_limits import StreamLimits
from muster.domain import ids
from muster.scripts.index import ScriptIndex
from muster.store.blobs import BlobStore
from muster.store.database import Store

MEBIBYTE = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Values of the API. Sizes are bytes, durations seconds."""

    version: str = "0"
    hosts: frozenset[str] = frozenset()
    """Host names the server answers to, besides those of loopback."""
    origins: frozenset[str] = frozenset()
    """Origins (`https://name:port`) whose pages may change things, besides the server's own."""
    token: str | None = None
    """The bearer token every call must carry; None: nobody is asked."""
    body_bytes: int = MEBIBYTE
    bulk_body_bytes: int = 16 * MEBIBYTE
    json_depth: int = 32
    slow_seconds: float = 1.0
    """Requests slower than this are logged at level info (long-polls excepted)."""
    warn_multiplier: float = 1.0
    fail_multiplier: float = 2.0
    """An attempt is failed after this many timeouts without a heartbeat."""
    purge_after_days: float = 3.0
    consoles: bool = True
    """Shells may be opened in sandboxes."""
    console_idle_seconds: float = 900.0


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """One thing that must work before the server takes work."""

    name: str
    probe: Callable[[], Awaitable[str | None]]
    """None when it works, else what is wrong."""


@dataclass(slots=True, kw_only=True)
class Services:
    """The parts the API stands on. `instance` tells runs of the server apart (request ids begin with it)."""

    store: Store
    settings: ApiSettings = field(default_factory=ApiSettings)
    streams: StreamLimits = field(default_factory=StreamLimits)
    scripts: ScriptIndex | None = None
    blobs: BlobStore | None = None
    pages: Pages | None = None
    """The web interface; None: this server has none."""
    attempts: Path | None = None
    """Folders of the attempts of this server's own worker."""
    roots: tuple[Path, ...] = ()
    """Below which folders may be chosen for tasks."""
    user_environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """In which git acts as the user whose repositories these are."""
    instance: str = "0"
    started_at: int = 0
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("muster.api"))
    checks: Sequence[ReadyCheck] = ()
    drain: Drain = field(default_factory=Drain)
    metrics: Metrics = field(default_factory=Metrics)
    downloads: Downloads = field(default_factory=Downloads)
    consoles: Consoles = field(init=False)

    def __post_init__(self) -> None:
        self.consoles = Consoles(
            enabled=self.settings.consoles,
            idle_seconds=self.settings.console_idle_seconds,
            wake=lambda attempt: self.store.signals.publish(f"attempt:{ids.decode(ids.ATTEMPT, attempt)}"),
        )


async def _services(request: Request) -> Services:
    return cast(Services, request.app.state.services)


ServicesHere = Annotated[Services, Depends(_services)]
