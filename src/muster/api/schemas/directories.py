"""Shapes of folders to choose from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from muster.api.schemas.shape import Answer, Query

FolderPath = Annotated[str, StringConstraints(min_length=1, max_length=4_000, pattern=r"^/[^\x00]*$")]


class FolderQuery(Query):
    """Which folder."""

    path: FolderPath | None = Field(default=None, description="Default: the first root.")
    nearest: bool = Field(
        default=False, description="Where it is not there: the nearest folder above it that is."
    )
    hidden: bool = Field(default=False, description="Also those whose names begin with a dot.")


class Folder(Answer):
    """A folder of the server's host."""

    name: str
    path: str = Field(examples=["/home/me/project"])
    repository: bool = Field(description="It is the top of a git working copy.")
    branch: str | None = Field(description="null: none is checked out, or it was not asked in time.")
    dirty: int | None = Field(
        description="Files that differ from the last commit or are not tracked; null: not asked, or not in time."
    )


class WorkThere(Answer):
    """A task that runs in a folder."""

    task_id: str
    title: str
    agent_id: str
    in_place: bool = Field(description="In the folder itself; else in a working copy of its own.")


class FolderListing(Answer):
    """A folder with those in it."""

    host: str = Field(description="The server's; workers on other hosts have folders of their own.")
    roots: list[str] = Field(description="Where folders may be chosen: the setting directories.roots.")
    root: str = Field(description="The one this folder is in.")
    here: Folder
    found: bool = Field(description="false: this is the nearest one above the folder that was asked for.")
    within: str | None = Field(
        description="The top of the git working copy this folder is in; null: none, as far as the root goes."
    )
    parent: str | None = Field(description="null: it is a root.")
    folders: list[Folder] = Field(description="By name; git is asked about the first twenty repositories.")
    more: bool = Field(description="There are over 500; the others are not listed.")
    problem: str | None = Field(description="Why it cannot be read.")
    running: list[WorkThere] = Field(description="What runs in this very folder now.")


class UsedFolder(Answer):
    """A folder that tasks were given."""

    path: str
    tasks: int = Field(description="Of the last thousand.")
    last_task_id: str
    used_at: str
    allowed: bool = Field(description="It is there and below a root; only then its git state is told.")
    repository: bool | None
    branch: str | None
    dirty: int | None


class UsedFolders(Answer):
    """The folders of the last tasks, the one used last first."""

    items: list[UsedFolder]
