"""Pull requests on GitHub, github.com or one's own."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import aiohttp

from muster.vcs.forge import ForgeAccess, Opened, Rest, Wish

VERSION: Final = "2022-11-28"


class GitHub:
    """A repository, `owner/name`."""

    def __init__(self, session: aiohttp.ClientSession, access: ForgeAccess, project: str) -> None:
        headers = {"Authorization": f"Bearer {access.token}", "X-GitHub-Api-Version": VERSION}
        self._rest = Rest(session, access, headers)
        self._path = f"/repos/{quote(project)}"
        self._owner = project.split("/", maxsplit=1)[0]

    async def default_branch(self) -> str:
        """As the repository says."""
        return str((await self._rest.get(self._path))["default_branch"])

    async def find(self, head: str) -> Opened | None:
        """The first open pull request from that branch of this repository."""
        found = await self._rest.get(f"{self._path}/pulls", state="open", head=f"{self._owner}:{head}")
        return _opened(found[0], existed=True) if found else None

    async def open(self, wish: Wish) -> Opened:
        """Private repositories of free plans have no drafts: GitHub's refusal says so."""
        body = {
            "title": wish.title,
            "body": wish.body,
            "head": wish.head,
            "base": wish.base,
            "draft": wish.draft,
        }
        return _opened(await self._rest.post(f"{self._path}/pulls", body), existed=False)


def _opened(told: dict[str, Any], *, existed: bool) -> Opened:
    return Opened(
        url=str(told["html_url"]),
        number=int(told["number"]),
        draft=bool(told.get("draft")),
        existed=existed,
    )
