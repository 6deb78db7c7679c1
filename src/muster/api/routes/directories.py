"""Folders to choose from when a task is queued: those used before, and those below the roots."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Annotated, Final

from fastapi import Query

from muster.api.routing import Route
from muster.api.schemas import directories as shapes
from muster.api.services import ServicesHere
from muster.api.times import iso
from muster.domain import ids
from muster.domain.errors import InvalidInput, NotFound
from muster.projections.directories import UsedFolder, used_folders, work_in
from muster.vcs.directories import Folder, Roots, glance, list_folders

RECENT: Final = 12


def _shape(folder: Folder) -> shapes.Folder:
    return shapes.Folder(
        name=folder.name,
        path=str(folder.path),
        repository=folder.repository,
        branch=folder.branch,
        dirty=folder.dirty,
    )


async def list_directories(
    services: ServicesHere, query: Annotated[shapes.FolderQuery, Query()]
) -> shapes.FolderListing:
    """The folders in a folder of the server's host, with what git says of them.

    Only below the roots of the setting `directories.roots`; links that lead out of them are not followed.
    """
    roots = Roots(services.roots)
    there = await asyncio.to_thread(roots.real)
    if query.path is None and not there:
        raise NotFound(noun="folder", id=", ".join(map(str, services.roots))[:200] or "directories.roots")
    wanted = Path(query.path or there[0])
    place = await asyncio.to_thread(roots.nearest, wanted) if query.nearest else wanted
    listing = await list_folders(roots, place, hidden=query.hidden)
    here = listing.here.path
    return shapes.FolderListing(
        host=socket.gethostname(),
        roots=[str(root) for root in there],
        root=str(listing.root),
        here=_shape(listing.here),
        found=place == wanted,
        within=None if listing.within is None else str(listing.within),
        parent=None if here == listing.root else str(here.parent),
        folders=[_shape(folder) for folder in listing.folders],
        more=listing.more,
        problem=listing.problem,
        running=[
            shapes.WorkThere(
                task_id=ids.encode(ids.TASK, work.task_id),
                title=work.title,
                agent_id=work.agent,
                in_place=work.in_place,
            )
            for work in await work_in(services.store, str(here), (query.path or "").rstrip("/"))
        ],
    )


async def list_used_directories(services: ServicesHere) -> shapes.UsedFolders:
    """The folders that tasks were given lately, the one used last first."""
    used = await used_folders(services.store, RECENT)
    roots = Roots(services.roots)
    real = await asyncio.to_thread(lambda: [_allowed(roots, folder.path) for folder in used])
    looked = iter(await glance([path for path in real if path is not None]))
    told = [None if path is None else next(looked) for path in real]
    return shapes.UsedFolders(items=[_used(folder, seen) for folder, seen in zip(used, told, strict=True)])


def _allowed(roots: Roots, path: str) -> Path | None:
    try:
        return roots.inside(Path(path))[0]
    except (InvalidInput, NotFound, OSError):
        return None


def _used(used: UsedFolder, seen: Folder | None) -> shapes.UsedFolder:
    return shapes.UsedFolder(
        path=used.path,
        tasks=used.tasks,
        last_task_id=ids.encode(ids.TASK, used.last_task),
        used_at=iso(used.used_at),
        allowed=seen is not None,
        repository=None if seen is None else seen.repository,
        branch=None if seen is None else seen.branch,
        dirty=None if seen is None else seen.dirty,
    )


ROUTES: Final = (
    Route("GET", "/directories", list_directories, (404,)),
    Route("GET", "/directories/recent", list_used_directories),
)
