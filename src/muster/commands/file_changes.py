"""Files an attempt changed, as git tells it when the attempt ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.commands.runs import open_runs
from muster.store import tables
from muster.store.statements import Statement, insert
from muster.store.unit_of_work import UnitOfWork, command


@dataclass(slots=True, kw_only=True)
class ChangedFile:
    """One file. Paths are relative to the workspace; `outside`: not among those the task may change. Blobs are
    content addresses of what is there before, after, and of the unified diff."""

    path: str
    change: str
    old_path: str | None = None
    additions: int | None = None
    deletions: int | None = None
    binary: bool = False
    outside: bool = False
    before_blob: str | None = None
    after_blob: str | None = None
    diff_blob: str | None = None


_DROP: Final = Statement("DELETE FROM file_changes WHERE attempt_id = ?1")
_NEW: Final = insert(
    tables.file_changes,
    [
        "attempt_id",
        "path",
        "change",
        "old_path",
        "additions",
        "deletions",
        "is_binary",
        "outside",
        "before_blob",
        "after_blob",
        "diff_blob",
    ],
)


@command(durable=False)
async def replace_files(uow: UnitOfWork, attempt_id: int, token: int, files: Sequence[ChangedFile]) -> int:
    """The files an attempt changed are these and no others; how many they are. LeaseLost, Conflict."""
    _, refusals = await open_runs(uow, [(attempt_id, token)])
    if refusals[0] is not None:
        raise refusals[0]
    await uow.run(_DROP, attempt_id)
    rows = {
        file.path: (
            attempt_id,
            file.path,
            file.change,
            file.old_path,
            file.additions,
            file.deletions,
            int(file.binary),
            int(file.outside),
            file.before_blob,
            file.after_blob,
            file.diff_blob,
        )
        for file in files
    }
    await uow.run_many(_NEW, list(rows.values()))
    uow.journal.output[attempt_id] = 0
    return len(rows)
