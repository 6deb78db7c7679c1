"""Where an agent works: a working copy of its own, or the task's folder as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from muster.domain.prompt import Beginning
from muster.vcs.bases import Bases
from muster.vcs.checkout import Checkout, Identity, open_checkout
from muster.vcs.git import Repository, commit_of, repository_of
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
        """What it started from."""
        return None if self.checkout is None else self.checkout.base_commit

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
    if found is None or plan.task.workspace == "in_place":
        main = None if found is None else found.main
        snapshot = await take_snapshot(working_dir, place.root / "git", main=main, hidden=options.hidden)
        kind: Kind = "in_place" if claim.working_dir else "scratch"
        return WorkingCopy(tree=working_dir, kind=kind, snapshot=snapshot, identity=identity)
    begun = await _integrated(plan, found, identity)
    checkout = await open_checkout(
        found.main,
        place.root,
        task=claim.task_id,
        attempt=claim.attempt_id,
        base=plan.task.base,
        source=found.top,
        identity=identity,
        bases=bases,
        head=found.git_dir,
        start=None if begun is None else begun.commit,
    )
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


def bases_of(options: WorkerOptions) -> Bases:
    """The kept checkouts of a worker."""
    return Bases(options.state_dir / "bases")
