"""Which forge a remote leads to, and how its requests are opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import assert_never

import aiohttp

from muster.vcs.forge import Forge, ForgeAccess, RemoteMissing, TokenMissing
from muster.vcs.forge_gitea import Gitea
from muster.vcs.forge_github import GitHub
from muster.vcs.forge_gitlab import GitLab
from muster.vcs.remote import Remote


def forge_of(remote: Remote, known: Sequence[ForgeAccess]) -> ForgeAccess:
    """The forge that a remote leads to. RemoteMissing for one that is not known, TokenMissing without a token."""
    found = next((access for access in known if access.host == remote.host), None)
    if found is None:
        names = ", ".join(access.host for access in known)
        raise RemoteMissing(
            problem=f"remote {remote.name} ({remote.shown}) leads to no forge that this worker knows ({names}); "
            "name it in agents.forges, or leave out pull_request"
        )
    if not found.token:
        raise TokenMissing(host=found.host, variables=found.variables)
    return found


@asynccontextmanager
async def connected(access: ForgeAccess, project: str) -> AsyncGenerator[Forge]:
    """The forge, for a few calls."""
    async with aiohttp.ClientSession() as session:
        match access.kind:
            case "github":
                yield GitHub(session, access, project)
            case "gitlab":
                yield GitLab(session, access, project)
            case "gitea":
                yield Gitea(session, access, project)
            case _:
                assert_never(access.kind)
