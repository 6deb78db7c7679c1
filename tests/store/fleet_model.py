"""A small model of the fleet: what the store must do, said as simply as possible."""

from __future__ import annotations

from dataclasses import dataclass, field

from muster.domain import ids

FINISHED = {"succeeded", "failed", "cancelled"}
BASE_SECONDS, FACTOR = 2, 2


@dataclass
class Lease:
    """An attempt somebody holds or held."""

    attempt: int
    token: int
    task: int
    agent: str
    reserved: int
    beat: int
    ended: str | None = None


@dataclass
class Task:
    """A task; `edges` is target -> done."""

    id: int
    priority: int
    estimate: int
    timeout: int
    max_attempts: int
    state: str
    edges: dict[int, bool]
    ready_at: int | None = None
    burned: int = 0
    attempts: int = 0
    cost: int = 0
    finished_at: int | None = None
    archived: bool = False
    lease: Lease | None = None

    @property
    def blocked(self) -> bool:
        return not all(self.edges.values())


@dataclass
class Fleet:
    """One project with one queue. Money in micro-dollars, times in microseconds."""

    now: int
    allocated: int | None = None
    reserved: int = 0
    spent: int = 0
    tasks: dict[int, Task] = field(default_factory=dict[int, Task])
    leases: list[Lease] = field(default_factory=list[Lease])

    def submit(self, task: Task) -> None:
        if task.blocked:
            task.state = "blocked"
        elif task.ready_at is not None and task.ready_at > self.now:
            task.state = "backoff"
        else:
            task.state, task.ready_at = "ready", None
        self.tasks[task.id] = task

    def next_task(self) -> Task | None:
        """What the next claimer gets: by priority, then age; a hard budget skips what it does not cover."""
        for task in sorted(self.tasks.values(), key=lambda task: (task.priority, task.id)):
            if task.state == "ready" and self.affords(task.estimate):
                return task
        return None

    def affords(self, estimate: int) -> bool:
        if self.allocated is None:
            return True
        room = self.allocated - self.reserved - self.spent
        return room > 0 and estimate <= room

    def claim(self, task: Task, attempt: int, token: int, agent: str) -> None:
        task.lease = Lease(attempt, token, task.id, agent, task.estimate, self.now)
        self.leases.append(task.lease)
        task.state, task.ready_at = "running", None
        task.attempts += 1
        self.reserved += task.estimate

    def end(self, lease: Lease, cost: int, *, ended: str) -> Task:
        task = self.tasks[lease.task]
        lease.ended, task.lease = ended, None
        self.reserved -= lease.reserved
        self.spent += cost
        task.cost += cost
        return task

    def succeed(self, lease: Lease, cost: int) -> None:
        task = self.end(lease, cost, ended="succeeded")
        task.burned += 1
        self.finish(task, "succeeded")
        for dependent in self.tasks.values():
            if task.id in dependent.edges:
                dependent.edges[task.id] = True
                if dependent.state == "blocked" and not dependent.blocked:
                    later = dependent.ready_at is not None and dependent.ready_at > self.now
                    dependent.state = "backoff" if later else "ready"

    def fail(self, lease: Lease, cost: int, *, retry: bool = True, counts: bool = True) -> None:
        task = self.end(lease, cost, ended="failed")
        task.burned += 1 if counts else 0
        if not retry or (counts and task.burned >= task.max_attempts):
            self.finish(task, "failed")
        elif not counts:
            task.state = "ready"
        else:
            task.state = "backoff"
            task.ready_at = self.now + BASE_SECONDS * FACTOR ** (task.burned - 1) * 1_000_000

    def finish(self, task: Task, state: str) -> None:
        task.state, task.finished_at, task.ready_at = state, self.now, None

    def cancel(self, task: Task) -> None:
        if task.lease is not None:
            self.end(task.lease, 0, ended="cancelled")
        self.finish(task, "cancelled")

    def requeue(self, task: Task) -> None:
        task.state = "blocked" if task.blocked else "ready"
        task.burned, task.finished_at, task.ready_at, task.archived = 0, None, None, False

    def rewire(self, task: Task, targets: list[int]) -> None:
        succeeded = {target: self.tasks[target].state == "succeeded" for target in targets}
        task.edges = {target: task.edges.get(target, succeeded[target]) for target in targets}
        if task.blocked:
            task.state = "blocked"
        elif task.ready_at is not None and task.ready_at > self.now:
            task.state = "backoff"
        else:
            task.state, task.ready_at = "ready", None

    def awaited(self, task: Task) -> bool:
        return any(other.edges.get(task.id) is False for other in self.tasks.values())

    def remove(self, task: Task) -> None:
        del self.tasks[task.id]
        for other in self.tasks.values():
            other.edges.pop(task.id, None)

    def purgeable(self, before: int) -> list[Task]:
        return [
            task
            for task in self.tasks.values()
            if task.finished_at is not None
            and not task.archived
            and task.finished_at < before
            and task.id < ids.first_id_at(before)
            and not self.awaited(task)
        ]

    def patrol(self) -> None:
        for task in list(self.tasks.values()):
            if task.state == "backoff" and (task.ready_at or 0) <= self.now:
                task.state, task.ready_at = "ready", None
            elif task.lease is not None and task.lease.beat + 2 * task.timeout <= self.now:
                self.fail(task.lease, 0)

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for task in self.tasks.values():
            found[task.state] = found.get(task.state, 0) + 1
        return found
