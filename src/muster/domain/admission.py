"""May this task be handed out now, to whom, and if not: why does it wait.

A gate is a pure question about a lane (tasks that are alike to every claimer). Claiming asks the
gates before it hands out; the same gates explain a waiting task. A new reason to hold work back is
one more function in `GATES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from muster.domain import ids
from muster.domain.agent_task import AGENT_LABEL, NETWORK_LABEL, SANDBOX_LABEL
from muster.domain.money import dollars


@dataclass(frozen=True, slots=True)
class Hold:
    """Why something waits: a code of `WAITING_REASONS`, words, and the details a program wants."""

    code: str
    message: str
    details: dict[str, object] = field(default_factory=dict[str, object])


WAITING_REASONS: Final[dict[str, str]] = {
    "blocked_by": "Tasks it depends on are not done yet.",
    "dependency_failed": "A task it depends on failed, was cancelled or was rejected: requeue that one, or cancel this one.",
    "review": "The result of a task it depends on is not reviewed yet: somebody has to approve it.",
    "backoff_until": "It failed and is tried again after the back-off.",
    "scheduled": "It was submitted for a later time.",
    "project_paused": "Its project is paused.",
    "project_completed": "Its project is completed.",
    "budget": "Its project's budget does not cover it.",
    "queue_paused": "Its queue is paused.",
    "queue_archived": "Its queue is archived.",
    "concurrency": "As many tasks of its queue or project run as are allowed at once.",
    "assigned_to": "It is assigned to one agent and waits for that one.",
    "no_worker": "No worker is connected that runs such tasks.",
    "no_agent": "No connected worker has the agent it names.",
    "no_sandbox": "No connected worker offers the isolation level it demands; it is never run in a weaker one.",
    "worker_busy": "All workers that run such tasks are busy.",
    "waiting_for_person": "Its queue is worked by hand; nobody has taken it yet.",
    "waiting_for_agent": "Its queue is claimed by agents over the API; none has asked yet.",
    "circuit_open": "The model provider it needs is failing; calls resume when it recovers.",
    "in_line": "Others are before it.",
}


@dataclass(slots=True)
class ProviderTrouble:
    """A model provider whose calls failed in a row. `until` (microseconds) None: one task at a time tries it; `trying`
    counts those that run."""

    provider: str
    agents: frozenset[str]
    message: str
    until: int | None
    trying: int = 0


@dataclass(slots=True)
class LaneFacts:
    """A lane with what its queue and project say at this moment. Money is micro-dollars."""

    lane_id: int
    project_id: int
    queue_id: int
    kind: str
    requires: str
    assignee: str
    ready: int
    queue: str
    mode: str
    queue_status: str
    queue_paused: bool
    queue_limit: int | None
    instructions: str
    project: str
    project_status: str
    allocated: int | None
    enforcement: str
    reserved: int
    spent: int
    project_limit: int | None
    queue_running: int = 0
    project_running: int = 0
    troubles: list[ProviderTrouble] = field(default_factory=list[ProviderTrouble])
    """Providers of its agents that fail."""

    @property
    def agents(self) -> list[str]:
        """The agents its tasks name, fallbacks too; their order is a task's own."""
        labels = self.requires.split(",")
        return [label.removeprefix(AGENT_LABEL) for label in labels if label.startswith(AGENT_LABEL)]

    @property
    def agent(self) -> str:
        """The first of them; empty for none."""
        return next(iter(self.agents), "")

    @property
    def failing_agents(self) -> list[str]:
        """Those that nothing is to be asked of now: their provider fails, or another task tries it."""
        down = [trouble for trouble in self.troubles if trouble.until is not None or trouble.trying]
        return [agent for agent in self.agents if any(agent in trouble.agents for trouble in down)]

    @property
    def limited(self) -> bool:
        """Whether a limit or a hard budget can hold the lane back."""
        return (
            self.queue_limit is not None
            or self.project_limit is not None
            or bool(self.troubles)
            or (self.allocated is not None and self.enforcement == "hard")
        )

    @property
    def room(self) -> int | None:
        """Micro-dollars a hard budget still has; None without one."""
        if self.allocated is None or self.enforcement != "hard":
            return None
        return self.allocated - self.reserved - self.spent


Gate = Callable[[LaneFacts], Hold | None]


def _project_active(lane: LaneFacts) -> Hold | None:
    if lane.project_status == "active":
        return None
    code = "project_completed" if lane.project_status == "completed" else "project_paused"
    return Hold(code, f"project {lane.project} is {lane.project_status}", {"project": lane.project})


def _queue_open(lane: LaneFacts) -> Hold | None:
    if lane.queue_status != "active":
        return Hold("queue_archived", f"queue {lane.queue} is archived", {"queue": lane.queue})
    if lane.queue_paused:
        return Hold("queue_paused", f"queue {lane.queue} is paused", {"queue": lane.queue})
    return None


def _concurrency(lane: LaneFacts) -> Hold | None:
    if lane.queue_limit is not None and lane.queue_running >= lane.queue_limit:
        words = f"{lane.queue_running} of {lane.queue_limit} allowed tasks of queue {lane.queue} run"
        return Hold("concurrency", words, {"queue": lane.queue, "limit": lane.queue_limit})
    if lane.project_limit is not None and lane.project_running >= lane.project_limit:
        words = f"{lane.project_running} of {lane.project_limit} allowed tasks of project {lane.project} run"
        return Hold("concurrency", words, {"project": lane.project, "limit": lane.project_limit})
    return None


def _budget_left(lane: LaneFacts) -> Hold | None:
    room = lane.room
    if room is None or room > 0:
        return None
    return budget_hold(lane, 0)


def _provider_answers(lane: LaneFacts) -> Hold | None:
    """A task whose fallbacks name another agent goes on with that one."""
    if not lane.troubles or set(lane.agents) - set(lane.failing_agents):
        return None
    for trouble in lane.troubles:
        details: dict[str, object] = {"provider": trouble.provider}
        if trouble.until is not None:
            words = (
                f"model provider {trouble.provider} is failing ({trouble.message}); it is tried again later"
            )
            return Hold("circuit_open", words, {**details, "until": trouble.until})
        if trouble.trying:
            words = f"model provider {trouble.provider} was failing; another task tries it first"
            return Hold("circuit_open", words, details)
    return None


COUNTING: Final[tuple[Gate, ...]] = (_concurrency, _budget_left, _provider_answers)
"""The gates that handing out a task can close."""
GATES: Final[tuple[Gate, ...]] = (_project_active, _queue_open, *COUNTING)


def hold_of(lane: LaneFacts, gates: Sequence[Gate] = GATES) -> Hold | None:
    """The first gate that keeps the whole lane back."""
    for gate in gates:
        hold = gate(lane)
        if hold is not None:
            return hold
    return None


def budget_hold(lane: LaneFacts, estimate: int) -> Hold:
    """In words why a project's budget does not cover a task of this estimate."""
    room = max(lane.room or 0, 0)
    words = (
        f"project {lane.project} has ${dollars(room):.4f} left of ${dollars(lane.allocated or 0):.2f}"
        f" (${dollars(lane.reserved):.4f} reserved)"
    )
    if estimate:
        words += f", the task is estimated at ${dollars(estimate):.4f}"
    return Hold(
        "budget",
        words,
        {"project": lane.project, "left_usd": dollars(room), "estimate_usd": dollars(estimate)},
    )


def affordable(lane: LaneFacts, estimate: int) -> bool:
    """Whether a hard budget still covers the estimate."""
    room = lane.room
    return room is None or (room > 0 and estimate <= room)


@dataclass(frozen=True, slots=True)
class ClaimFilter:
    """What a claimer can take. `queues` and `projects` hold ids or names; None means any."""

    agent_id: str
    queues: frozenset[str] | None = None
    projects: frozenset[str] | None = None
    modes: frozenset[str] = frozenset({"external"})
    kinds: frozenset[str] | None = None
    capabilities: frozenset[str] = frozenset()

    def accepts(self, lane: LaneFacts) -> bool:
        """Whether tasks of the lane are for this claimer, gates aside."""
        if lane.assignee and lane.assignee != self.agent_id:
            return False
        if self.queues is None:
            # A task given to this very agent is its own, whatever the mode of the queue it waits in.
            if lane.mode not in self.modes and not lane.assignee:
                return False
        elif lane.queue not in self.queues and ids.encode(ids.QUEUE, lane.queue_id) not in self.queues:
            return False
        return self._suits(lane)

    def _suits(self, lane: LaneFacts) -> bool:
        if (
            self.projects is not None
            and lane.project not in self.projects
            and ids.encode(ids.PROJECT, lane.project_id) not in self.projects
        ):
            return False
        if self.kinds is not None and lane.kind not in self.kinds:
            return False
        return not lane.requires or self.capabilities.issuperset(lane.requires.split(","))


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A live worker as far as it matters for explaining: what it takes and whether it is full."""

    worker_id: str
    modes: frozenset[str]
    queues: frozenset[str] | None
    kinds: frozenset[str] | None
    capabilities: frozenset[str]
    capacity: int
    running: int

    def serves(self, lane: LaneFacts) -> bool:
        """Whether the worker would take tasks of the lane."""
        claimer = ClaimFilter(self.worker_id, self.queues, None, self.modes, self.kinds, self.capabilities)
        return claimer.accepts(lane)


def ready_hold(lane: LaneFacts, estimate: int, workers: Sequence[WorkerFacts]) -> Hold:
    """Why a task that is ready has not been handed out yet."""
    hold = hold_of(lane)
    if hold is not None:
        return hold
    if not affordable(lane, estimate):
        return budget_hold(lane, estimate)
    if lane.assignee:
        return Hold("assigned_to", f"waits for agent {lane.assignee}", {"agent": lane.assignee})
    if lane.mode == "manual":
        words = f"queue {lane.queue} is worked by hand: muster worker run {lane.queue}"
        return Hold("waiting_for_person", words, {"queue": lane.queue})
    if lane.mode == "external":
        return Hold(
            "waiting_for_agent", f"queue {lane.queue} waits for an agent to claim", {"queue": lane.queue}
        )
    serving = [worker for worker in workers if worker.serves(lane)]
    if not serving:
        lacking = _lacking(lane, workers)
        if lacking is not None:
            return lacking
        needs = f" with {lane.requires}" if lane.requires else ""
        return Hold("no_worker", f"no connected worker runs {lane.kind} tasks{needs}", {"kind": lane.kind})
    if all(worker.running >= worker.capacity for worker in serving):
        words = "the worker for it is" if len(serving) == 1 else f"all {len(serving)} workers for it are"
        return Hold("worker_busy", f"{words} busy", {"workers": len(serving)})
    return Hold("in_line", "next in line")


_LACKS: Final = {
    AGENT_LABEL: ("no_agent", "no connected worker has agent {}"),
    SANDBOX_LABEL: ("no_sandbox", "no connected worker offers isolation {}, and a weaker one will not do"),
    NETWORK_LABEL: (
        "no_sandbox",
        "no connected worker can hold a sandbox to the hosts that are allowed ({})",
    ),
}


def _lacking(lane: LaneFacts, workers: Sequence[WorkerFacts]) -> Hold | None:
    """The agent or isolation level that all workers lack which would take such a task otherwise."""
    bare = replace(lane, requires="")
    willing = [worker for worker in workers if worker.serves(bare)]
    for label in lane.requires.split(",") if willing else ():
        prefix, _, name = label.partition(":")
        if f"{prefix}:" in _LACKS and not any(label in worker.capabilities for worker in willing):
            code, words = _LACKS[f"{prefix}:"]
            return Hold(code, words.format(name), {prefix: name})
    return None
