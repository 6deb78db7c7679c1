"""Which isolation levels this machine has, and why it has no others."""

from __future__ import annotations

import asyncio
from pathlib import Path

from muster.bootstrap.check import Check
from muster.bootstrap.images import images_folder
from muster.bootstrap.settings import Settings
from muster.sandboxes.registry import AUTO, AUTOMATIC, LEVELS, make_driver, tried
from muster.sandboxes.sandbox import Capabilities


async def sandbox_checks(settings: Settings) -> list[Check]:
    """The level a worker here would use, then every level by itself. Each is tried once, all at the same time."""
    async with asyncio.TaskGroup() as group:
        attempts = [group.create_task(_try(level, images_folder(settings))) for level in LEVELS]
    found = {attempt.result().level: attempt.result() for attempt in attempts}
    return [_usual(settings.worker.sandbox, found), *(_level(found[level]) for level in LEVELS)]


async def _try(level: str, images: Path) -> Capabilities:
    driver = make_driver(level, images=images)
    try:
        return await tried(driver)
    finally:
        await driver.close()


def _usual(wanted: str, found: dict[str, Capabilities]) -> Check:
    best = AUTOMATIC[0]
    if wanted not in (AUTO, best):
        chosen = found[wanted]
        if chosen.available:
            return Check("sandbox", "ok", f"{wanted}, as worker.sandbox says")
        remedy = f"mend that, or set worker.sandbox to {AUTO}"
        return Check("sandbox", "fail", f"{wanted} does not work: {chosen.reason}", remedy)
    if found[best].available:
        return Check("sandbox", "ok", f"{best}, for tasks that demand nothing else")
    problem = f"{best} does not work: {found[best].reason}"
    if wanted == best:
        remedy = f"install {best} and allow user namespaces, or set worker.sandbox to {AUTO}"
        return Check("sandbox", "fail", problem, remedy)
    remedy = f"install {best} and allow user namespaces; tasks run as plain processes until then"
    return Check("sandbox", "warn", problem, remedy)


def _level(found: Capabilities) -> Check:
    name = f"level {found.level}"
    if not found.available:
        return Check(name, "absent", found.reason)
    isolated = [
        word
        for word, there in (
            ("files", found.file_isolation),
            ("processes", found.process_isolation),
            ("network", found.network_isolation),
        )
        if there
    ]
    parts = [
        f"isolates {', '.join(isolated)}" if isolated else "isolates nothing",
        f"limits {', '.join(sorted(found.quotas)) or 'nothing'}",
        *([", ".join(found.hardening)] if found.hardening else []),
    ]
    return Check(name, "ok", "; ".join(parts))
