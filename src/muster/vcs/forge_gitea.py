"""Pull requests on Gitea and Forgejo (codeberg.org)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import aiohttp

from muster.vcs.forge import ForgeAccess, Opened, Rest, Wish

DRAFT: Final = "WIP: "
PAGE: Final = 50
MOST_PAGES: Final = 40
"""Gitea cannot be asked for the requests of one branch: the open ones are looked through, newest first."""


class Gitea:
    """A repository, `owner/name`."""

    def __init__(self, session: aiohttp.ClientSession, access: ForgeAccess, project: str) -> None:
        self._rest = Rest(session, access, {"Authorization": f"token {access.token}"})
        self._path = f"/repos/{quote(project)}"
        self._project = project

    async def default_branch(self) -> str:
        """As the repository says."""
        return str((await self._rest.get(self._path))["default_branch"])

    async def find(self, head: str) -> Opened | None:
        """The newest open pull request from that branch of this repository."""
        for page in range(1, MOST_PAGES + 1):
            found: list[dict[str, Any]] = await self._rest.get(
                f"{self._path}/pulls", state="open", page=str(page), limit=str(PAGE)
            )
            for request in found:
                if self._is_from(request.get("head") or {}, head):
                    return _opened(request, existed=True)
            if not found:
                return None
        return None

    def _is_from(self, told: dict[str, Any], head: str) -> bool:
        """Requests of forks may have branches of the same name."""
        repository: dict[str, Any] = told.get("repo") or {}
        origin = str(repository.get("full_name") or self._project)
        return told.get("ref") == head and origin.casefold() == self._project.casefold()

    async def open(self, wish: Wish) -> Opened:
        """A draft is one by its title."""
        body = {
            "title": f"{DRAFT if wish.draft else ''}{wish.title}",
            "body": wish.body,
            "head": wish.head,
            "base": wish.base,
        }
        return _opened(await self._rest.post(f"{self._path}/pulls", body), existed=False)


def _opened(told: dict[str, Any], *, existed: bool) -> Opened:
    title = str(told.get("title", ""))
    return Opened(
        url=str(told["html_url"]),
        number=int(told["number"]),
        draft=bool(told.get("draft", title.startswith((DRAFT, "[WIP]")))),
        existed=existed,
    )
