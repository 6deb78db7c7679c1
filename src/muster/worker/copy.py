"""Where an agent works: a working copy of its own, or the task's folder as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from muster.client.wire import EarlierAttempt
from muster.domain.prompt import Beginning
from muster.sandboxes.sandbox import WorkdirMissing
from muster.vcs.bases import Bases
from muster.vcs.checkout import Checkout, Identity, open_checkout
from muster.vcs.git import GitError, Repository, commit_of, repository_of
from muster.vcs.integrating import Integrated, integrate
from muster.vcs.rescue import write_record
from muster.vcs.snapshot import Snapshot, take_snapshot
from muster.worker.agent_plan import Plan
from muster.worker.options import WorkerOptions
from muster.worker.script_run import chosen_working_dir
from muster.worker.workspace import Workspace

Kind = Literal["overlay", "reflink", "checkout", "in_place", "scratch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingCopy:
    """`tree` is the folder the agent starts in. Without a `checkout` it is the task's own, and nothing is committed:
    what changed is found with the `snapshot`, where there is one. `kind` says how it was made."""

    tree: Path
    kind: Kind
    checkout: Checkout | None = None
    snapshot: Snapshot | None = None
    beginnings: Sequence[Beginning] = ()
    """Tasks whose work it began with."""
    identity: Identity

    @property
    def branch(self) -> str | None:
        """The branch its work comes out on."""
        return None if self.checkout is None else self.checkout.branch

    @property
    def base_commit(self) -> str | None:
        """What its changes are told against."""
        return None if self.checkout is None else self.checkout.since

    @property
    def base_branch(self) -> str | None:
        """The user's branch that it started from."""
        return None if self.checkout is None else self.checkout.target

    @property
    def readable(self) -> Sequence[Path]:
        """What the sandbox must be able to read: the main repository's objects."""
        return () if self.checkout is None else self.checkout.objects


async def open_copy(plan: Plan, place: Workspace, options: WorkerOptions, bases: Bases) -> WorkingCopy:
    """A working copy for the attempt. MusterError when the folder or the base is not there."""
    claim = plan.claim
    working_dir = await asyncio.to_thread(chosen_working_dir, claim, place, options)
    name = plan.adapter.profile.name
    identity = Identity(name=f"{name} (muster)", email=f"{name}@agents.muster.invalid")
    found = None if not claim.working_dir else await repository_of(working_dir)
    if found is None and plan.task.integrate:
        raise WorkdirMissing(
            path=str(working_dir), problem="is in no git repository, so there is no work to integrate"
        )
    if found is None or plan.task.workspace == "in_place":
        main = None if found is None else found.main
        snapshot = await take_snapshot(working_dir, place.root / "git", main=main, hidden=options.hidden)
        kind: Kind = "in_place" if claim.working_dir else "scratch"
        return WorkingCopy(tree=working_dir, kind=kind, snapshot=snapshot, identity=identity)
    reviewed = await _reviewed(plan, found.main)
    # What was reviewed holds the work of its parts already.
    begun = await _integrated(plan, found, identity) if reviewed is None else None
    checkout = await open_checkout(
        found.main,
        place.root,
        task=claim.task_id,
        attempt=claim.attempt_id,
        base=plan.task.base if reviewed is None else reviewed.head_commit,
        source=found.top,
        identity=identity,
        bases=bases,
        head=found.git_dir,
        start=None if begun is None else begun.commit,
    )
    if reviewed is not None:
        checkout = replace(checkout, told_from=reviewed.base_commit, target=reviewed.base_branch)
    write_record(place.root, checkout, identity)
    tree = checkout.tree.resolve()
    return WorkingCopy(
        tree=tree,
        kind=checkout.way,
        checkout=checkout,
        beginnings=() if begun is None else begun.parts,
        identity=identity,
    )


async def _integrated(plan: Plan, found: Repository, identity: Identity) -> Integrated | None:
    if not plan.parts:
        return None
    base = await commit_of(found.git_dir, plan.task.base)
    claim = plan.claim
    return await integrate(
        found.main, base, plan.parts, task=claim.task_id, attempt=claim.attempt_id, identity=identity
    )


async def _reviewed(plan: Plan, main: Path) -> EarlierAttempt | None:
    """The attempt whose work is gone on with, where this repository has it."""
    if plan.review is None:
        return None
    try:
        await commit_of(main, plan.review.head_commit)
    except GitError:
        return None
    return plan.review


def bases_of(options: WorkerOptions) -> Bases:
    """The kept checkouts of a worker."""
    return Bases(options.state_dir / "bases")
