"""Folders that tasks were given, and what runs in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain import ids
from muster.domain.task import TaskState
from muster.store.database import Reader
from muster.store.statements import for_each

LOOKED_AT: Final = 1_000
MOST_RUNNING: Final = 500


@dataclass(slots=True)
class UsedFolder:
    """A folder with how many of the last thousand tasks were given it. `used_at` is microseconds."""

    path: str
    tasks: int
    last_task: int
    used_at: int


@dataclass(slots=True)
class WorkThere:
    """A task that runs in a folder; `in_place`: in the folder itself, not in a working copy."""

    task_id: int
    title: str
    agent: str
    in_place: bool


_FOLDERS: Final = ("json_extract(s.doc, '$.working_dir')", "s.doc::json ->> 'working_dir'")
_USED: Final = for_each(
    *(f"SELECT s.id, {folder} FROM task_specs s ORDER BY s.id DESC LIMIT {LOOKED_AT}" for folder in _FOLDERS)
)
_THERE: Final = for_each(
    *(
        f"SELECT t.id, s.title, coalesce(t.agent_id, ''), {folder}, {workspace}, coalesce(r.workspace_kind, '') FROM tasks t "
        "JOIN task_specs s ON s.id = t.id LEFT JOIN runs r ON r.attempt_id = t.attempt_id "
        f"WHERE t.state = {int(TaskState.RUNNING)} AND t.state < 60 ORDER BY t.id LIMIT {MOST_RUNNING}"
        for folder, workspace in zip(
            _FOLDERS,
            (
                "coalesce(json_extract(s.doc, '$.payload.workspace'), '')",
                "coalesce(s.doc::json -> 'payload' ->> 'workspace', '')",
            ),
            strict=True,
        )
    )
)


async def used_folders(reader: Reader, limit: int) -> list[UsedFolder]:
    """The folders of the last tasks, the one used last first."""
    found: dict[str, UsedFolder] = {}
    for task, path in await reader.rows(_USED):
        if not path:
            continue
        known = found.get(path)
        if known is None:
            found[path] = UsedFolder(path, 1, task, ids.created_at(task))
        else:
            known.tasks += 1
    return list(found.values())[:limit]


async def work_in(reader: Reader, *paths: str) -> list[WorkThere]:
    """The tasks that run in a folder now, by whichever of these names it was given."""
    return [
        WorkThere(task, title, agent, workspace == "in_place" or kind in ("", "in_place"))
        for task, title, agent, folder, workspace, kind in await reader.rows(_THERE)
        if folder and folder.rstrip("/") in paths
    ]
