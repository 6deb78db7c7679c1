"""Whole applications of others that answer at one path, behind the same guards as everything else."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Mounted:
    """Stands for a route in logs and metrics."""

    path: str


class Mounts:
    """Sends requests for a mounted path to its application, all others to the router."""

    def __init__(self, router: ASGIApp) -> None:
        self._router = router
        self._apps: dict[str, ASGIApp] = {}

    def add(self, path: str, app: ASGIApp) -> None:
        """Let `app` answer everything at exactly this path."""
        self._apps[path] = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that was let in."""
        app = self._apps.get(scope["path"])
        if app is None:
            await self._router(scope, receive, send)
            return
        scope["route"] = Mounted(scope["path"])
        await app(scope, receive, send)
