"""Where an attempt's work goes when it succeeded: pushed to a remote, a pull request opened for it.

Whether that can be done is found out before the agent starts, so that no money is spent on work that cannot leave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from muster.domain.pull_request import Done, request_body, request_title
from muster.vcs.checkout import Checkout
from muster.vcs.forge import Forge, ForgeAccess, Wish, open_once
from muster.vcs.forges import connected, forge_of
from muster.vcs.remote import Pushed, Remote, push, remote_of
from muster.worker.agent_host import AgentHost
from muster.worker.agent_plan import Plan
from muster.worker.keeping import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where the work will go. `forge` is None when no pull request is asked for."""

    remote: Remote
    forge: ForgeAccess | None
    user: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """Where the work went."""

    pushed_to: str
    pull_request: str | None = None


async def find_route(plan: Plan, checkout: Checkout | None, host: AgentHost) -> Route | None:
    """Where the task's branch is to go; None when nowhere. RemoteMissing, TokenMissing."""
    name = plan.task.remote
    if name is None or checkout is None:
        return None
    remote = await remote_of(checkout.main, name)
    forge = None if plan.task.pull_request is None else forge_of(remote, host.forges)
    return Route(remote=remote, forge=forge, user=host.user_environment)


async def ship(
    route: Route, plan: Plan, checkout: Checkout, kept: Kept, *, model: str, say: Callable[[str], None]
) -> Shipped | None:
    """Push the work and open its request, or find the one that is open; None when there is no work. PushRefused,
    ForgeRefused, ForgeUnreachable."""
    if not kept.changes:
        say("nothing changed, so nothing is pushed")
        return None
    pushed = await push(checkout, route.remote, kept.commit, route.user)
    say(f"pushed {pushed.branch} ({pushed.commit[:12]}) to {route.remote.shown}")
    if route.forge is None:
        return Shipped(pushed_to=route.remote.shown)
    async with connected(route.forge, route.remote.project) as forge:
        wish = await _wish(forge, plan, checkout, kept, pushed, model)
        opened = await open_once(forge, wish)
    words = "was open already" if opened.existed else "opened as a draft" if opened.draft else "opened"
    say(f"pull request {opened.number} {words}: {opened.url}")
    return Shipped(pushed_to=route.remote.shown, pull_request=opened.url)


async def _wish(forge: Forge, plan: Plan, checkout: Checkout, kept: Kept, pushed: Pushed, model: str) -> Wish:
    """The request in the task's words; into the branch it names, else the one the work began at, else the default one."""
    claim, asked = plan.claim, plan.task.pull_request
    base = None if asked is None else asked.base
    if base is None and checkout.target is not None and checkout.target in pushed.heads:
        base = checkout.target
    done = Done(
        description=claim.description or plan.task.prompt,
        task=claim.task_id,
        attempt=claim.attempt_id,
        agent=plan.adapter.profile.name,
        model=model,
        checked_by=claim.acceptance_command or "",
        changes=kept.changes,
    )
    return Wish(
        head=pushed.branch,
        base=base or await forge.default_branch(),
        title=(asked.title if asked else "") or request_title(claim.title),
        body=(asked.body if asked else "") or request_body(done),
        draft=asked is None or asked.draft,
    )
