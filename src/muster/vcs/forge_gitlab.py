"""Merge requests on GitLab, gitlab.com or one's own."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import aiohttp

from muster.vcs.forge import ForgeAccess, Opened, Rest, Wish

DRAFT: Final = "Draft: "


class GitLab:
    """A project, with its groups: `group/subgroup/name`."""

    def __init__(self, session: aiohttp.ClientSession, access: ForgeAccess, project: str) -> None:
        self._rest = Rest(session, access, {"PRIVATE-TOKEN": access.token or ""})
        self._path = f"/projects/{quote(project, safe='')}"

    async def default_branch(self) -> str:
        """As the project says."""
        return str((await self._rest.get(self._path))["default_branch"])

    async def find(self, head: str) -> Opened | None:
        """The first open merge request from that branch."""
        found = await self._rest.get(f"{self._path}/merge_requests", state="opened", source_branch=head)
        return _opened(found[0], existed=True) if found else None

    async def open(self, wish: Wish) -> Opened:
        """A draft is one by its title."""
        body = {
            "title": f"{DRAFT if wish.draft else ''}{wish.title}",
            "description": wish.body,
            "source_branch": wish.head,
            "target_branch": wish.base,
        }
        return _opened(await self._rest.post(f"{self._path}/merge_requests", body), existed=False)


def _opened(told: dict[str, Any], *, existed: bool) -> Opened:
    return Opened(
        url=str(told["web_url"]),
        number=int(told["iid"]),
        draft=bool(told.get("draft", told.get("work_in_progress"))),
        existed=existed,
    )
