"""What an attempt leaves behind: its commits on the task's branch, and the files it changed, told to the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from muster.client.client import Client
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.wire import ClaimedTask
from muster.client.wire_runs import FileChangeReport, FilesRequest
from muster.domain.changes import Change, commit_message
from muster.vcs.changes import changes_between
from muster.vcs.checkout import Checkout, Identity, bundle_script, publish, take_in
from muster.vcs.contents import Told, told_of
from muster.vcs.snapshot import Snapshot, state_now

log = logging.getLogger(__name__)

CONTENT_BYTES: Final = 512 * 1024
AT_ONCE: Final = 8
WITH_CONTENT: Final = 500
"""Files whose contents are kept; of the rest it is known that they changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`changes` are those from state `before` to `commit`, the last one on `branch`; all are empty when nothing changed.

    `git_dir` knows both. Without a branch the folder was worked in as it is, and `commit` is only the name of its state.
    """

    commit: str = ""
    branch: str = ""
    before: str = ""
    git_dir: Path = Path()
    changes: Sequence[Change] = ()

    @property
    def outside(self) -> list[str]:
        """Changed files that the task does not own."""
        return [change.path for change in self.changes if change.outside]


async def keep_work(
    checkout: Checkout,
    claim: ClaimedTask,
    *,
    owns: Sequence[str],
    scratch: Path,
    identity: Identity,
    run_inside: Callable[[Sequence[str]], Awaitable[None]],
    as_branch: bool = True,
    without: Sequence[str] = (),
) -> Kept:
    """Take the agent's commits and all else it left into a commit, and publish that: as the task's branch, or only under
    the attempt's name. New files that `without` names are not its own.

    `run_inside` runs a command in a sandbox that sees the tree: the agent's repository is never opened outside of one.
    """
    bundle = scratch / "commits.bundle"
    await run_inside(bundle_script(checkout, bundle))
    draft = await take_in(checkout, bundle, f"Work on {claim.title}"[:72], identity, without)
    changes = await changes_between(checkout.git_dir, checkout.since, draft, owns)
    if not changes:
        return Kept()
    message = commit_message(claim.title, claim.type, changes, claim.task_id, claim.attempt_id)
    commit = await take_in(checkout, bundle, message, identity, without)
    return Kept(
        commit=commit,
        branch=await publish(checkout, commit, as_branch=as_branch),
        before=checkout.since,
        git_dir=checkout.git_dir,
        changes=changes,
    )


async def compare(snapshot: Snapshot, owns: Sequence[str]) -> Kept:
    """What changed in a folder since its snapshot. GitError."""
    now = await state_now(snapshot)
    changes = await changes_between(snapshot.git_dir, snapshot.before, now, owns)
    return Kept(commit=now, before=snapshot.before, git_dir=snapshot.git_dir, changes=changes)


async def tell_changes(client: Client, claim: ClaimedTask, kept: Kept) -> None:
    """Send the changed files with their contents and diffs. What cannot be sent is logged, not fatal: git has it all."""
    try:
        told = [
            report
            async for batch in told_of(
                kept.git_dir, kept.before, kept.commit, kept.changes[:WITH_CONTENT], CONTENT_BYTES
            )
            for report in await _reports(client, claim, batch)
        ]
        told += [_bare(change) for change in kept.changes[WITH_CONTENT:]]
        await client.send_files(claim.attempt_id, FilesRequest(token=claim.token, files=told))
    except* (ApiError, Unreachable, BadAnswer) as errors:
        log.warning("%s: its changed files were not kept: %s", claim.attempt_id, errors.exceptions[0])


async def _reports(client: Client, claim: ClaimedTask, batch: Sequence[Told]) -> list[FileChangeReport]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def blob(content: bytes | None) -> str | None:
        if content is None or len(content) > CONTENT_BYTES:
            return None
        return await client.put_blob(claim.attempt_id, claim.token, content)

    async def report(told: Told) -> FileChangeReport:
        async with gate:
            return replace(
                _bare(told.change),
                before_blob=await blob(told.before),
                after_blob=await blob(told.after),
                diff_blob=await blob(told.diff or None),
            )

    async with asyncio.TaskGroup() as group:
        reports = [group.create_task(report(told)) for told in batch]
    return [task.result() for task in reports]


def _bare(change: Change) -> FileChangeReport:
    """That it changed, without contents."""
    return FileChangeReport(
        path=change.path,
        change=change.change.value,
        old_path=change.old_path or None,
        additions=change.additions,
        deletions=change.deletions,
        binary=change.binary,
        outside=change.outside,
    )
