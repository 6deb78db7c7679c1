"""Runs schemathesis over an OpenAPI document against a real server of this process."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
import uvicorn
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from muster.api.native import create_native_app
from muster.api.services import ApiSettings, Services
from muster.scripts.index import ScriptIndex
from muster.store.blobs import BlobStore
from muster.store.database import Durability
from muster.store.open import open_store

# A cursor is a text the server gave out; no schema can say which. A text over its length may be over the size of a body too.
REFUSALS = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
CHECKS: dict[str, Any] = {
    "negative_data_rejection": {"expected-statuses": REFUSALS},
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "3xx", "400", "401", "403", "404", "409", "429", "5xx"]
    },
}


# What these take depends on the script, on the money left, on the kind of task that is changed, on JSON in a text,
# on the price of a call, on the content that is sent, on what day it is, on the folders of this host.
DEPENDING = (
    "/api/v1/scripts/{name}/enqueue",
    "/api/v1/projects/{project}/allocate",
    "/api/v1/tasks/{task_id}",
    "/api/tasks",
    "/api/v1/attempts/{attempt_id}/calls",
    "/api/v1/blobs/{sha256}",
    "/api/v1/overview",
    "/api/v1/directories",
)
DEPENDS = {
    "positive_data_acceptance": {
        "expected-statuses": [*CHECKS["positive_data_acceptance"]["expected-statuses"], "422"]
    }
}

# These may name other things, which are not there: 404 speaks of those, and not of the one that was just made.
REFERRING = ("/api/tickets/{ticket_id}",)
REFERS = {"ensure_resource_availability": {"enabled": False}}


@dataclass
class Served:
    """A server in a thread of its own."""

    url: str = ""
    document: dict[str, Any] = field(default_factory=dict[str, Any])
    server: uvicorn.Server | None = None
    ready: threading.Event = field(default_factory=threading.Event)


@contextmanager
def served(database: Path, scripts: ScriptIndex) -> Iterator[Served]:
    """Serve a seeded SQLite file. The server counts as shutting down, so that long-polls answer at once."""
    here = Served()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(database, scripts, here)))
    thread.start()
    try:
        assert here.ready.wait(30)
        yield here
    finally:
        if here.server is not None:
            here.server.should_exit = True
        thread.join(30)


async def _serve(database: Path, scripts: ScriptIndex, here: Served) -> None:
    store = await open_store(database, durability=Durability.RELAXED, clock=lambda: time.time_ns() // 1000)
    services = Services(
        store=store,
        settings=ApiSettings(version="1"),
        scripts=scripts,
        blobs=BlobStore(database.parent / "blobs"),
        instance="t",
        started_at=store.now(),
    )
    services.drain.start()
    app = create_native_app(services)
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        here.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        here.document = app.document()
        here.server = uvicorn.Server(
            uvicorn.Config(
                app, http="httptools", lifespan="off", log_config=None, access_log=False, server_header=False
            )
        )
        here.ready.set()
        await here.server.serve(sockets=[listener])
    await store.close()


@dataclass(frozen=True)
class Found:
    """A check that failed, and how to see it again."""

    operation: str
    kind: str
    message: str
    curl: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.kind}: {self.message}\n    {self.curl[:4_000]}"


@dataclass
class Report:
    """What a run did."""

    cases: int = 0
    found: dict[tuple[str, str], Found] = field(default_factory=dict[tuple[str, str], Found])
    errors: list[str] = field(default_factory=list[str])
    phases: list[str] = field(default_factory=list[str])


def as_encoders_write(context: Any, body: Any) -> Any:
    """Integers without a fraction: `3.0` is an integer to a schema, but not to strict decoders."""
    if isinstance(body, dict):
        return {name: as_encoders_write(context, value) for name, value in body.items()}
    if isinstance(body, list):
        return [as_encoders_write(context, value) for value in body]
    if isinstance(body, float) and body.is_integer() and abs(body) < 2**63:
        return int(body)
    return body


def fuzz(here: Served, paths: tuple[str, ...], *, examples: int) -> Report:
    """Try every operation below `paths` in all phases; deterministic."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "base-url": here.url,
            "continue-on-failure": True,
            # NUL is no text anywhere in this API; the document says so in its description.
            "generation": {
                "allow-x00": False,
                "codec": "latin-1",
                "deterministic": True,
                "max-examples": examples,
                "no-shrink": True,
            },
            "phases": {"coverage": {"unexpected-methods": ["OPTIONS", "PUT"]}, "stateful": {"max-steps": 8}},
            "checks": CHECKS,
            "operations": [
                *({"include-path": path, "checks": DEPENDS} for path in DEPENDING),
                *({"include-path": path, "checks": REFERS} for path in REFERRING),
            ],
        }
    )
    document = dict(here.document)
    document["paths"] = {path: item for path, item in document["paths"].items() if path.startswith(paths)}
    report = Report()
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.hook("map_body")(as_encoders_write)
    for event in from_schema(schema).execute():
        _note(report, event)
    return report


def _note(report: Report, event: Any) -> None:
    if isinstance(event, events.PhaseFinished):
        report.phases.append(f"{event.phase.name} {event.status} after {report.cases} cases")
    elif isinstance(event, events.NonFatalError):
        report.errors.append(f"{event.label}: {event.info.format()}")
    elif isinstance(event, events.FatalError):
        report.errors.append(repr(event.exception))
    elif isinstance(event, events.ScenarioFinished):
        report.cases += len(event.recorder.cases)
        for checked in event.recorder.checks.values():
            for check in checked:
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    found = Found(
                        failure.operation,
                        type(failure).__name__,
                        failure.message[:300],
                        check.failure_info.code_sample or "",
                    )
                    report.found.setdefault((found.operation, found.kind), found)
