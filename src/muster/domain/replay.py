"""The log folded into the rows it must have left: `evolve` is what `muster verify` holds against the database."""

from __future__ import annotations

from typing import assert_never, cast

from muster.domain.events import (
    ActivityPosted,
    AgentDeleted,
    AgentEdited,
    AgentRegistered,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    AttemptWarned,
    CapitalAllocated,
    LogLost,
    PreferencesSet,
    ProjectCreated,
    ProjectDeleted,
    ProjectEdited,
    QueueCreated,
    QueueDeleted,
    QueueEdited,
    RoleDeleted,
    RoleSet,
    SessionCreated,
    SessionEdited,
    TaskArchived,
    TaskCancelled,
    TaskClassDeleted,
    TaskClassSet,
    TaskEdited,
    TaskReadied,
    TaskRemoved,
    TaskRequeued,
    TaskRestored,
    TaskSubmitted,
)
from muster.domain.events_approvals import (
    ApprovalAnswered,
    ApprovalExpired,
    ApprovalExtended,
    ApprovalRequested,
    ApprovalWithdrawn,
    MessageDelivered,
    MessagePosted,
    PermissionGranted,
    PermissionRevoked,
)
from muster.domain.events_reviews import (
    CommentEdited,
    CommentRemoved,
    CommentWritten,
    TaskReviewed,
    TaskSeen,
    TaskUnseen,
)
from muster.domain.events_runs import (
    ConsoleOpened,
    ProviderFailing,
    ProviderRecovered,
    RunCharged,
    RunDescribed,
    RunStarted,
    TaskMerged,
)
from muster.domain.replay_approvals import ApprovalPayload, evolve_approval
from muster.domain.replay_attempts import AttemptPayload, evolve_attempt
from muster.domain.replay_places import (
    AgentPayload,
    ProjectPayload,
    QueuePayload,
    RolePayload,
    SessionPayload,
    TaskClassPayload,
    evolve_agent,
    evolve_project,
    evolve_queue,
    evolve_role,
    evolve_session,
    evolve_task_class,
)
from muster.domain.replay_reviews import ReviewPayload, evolve_review
from muster.domain.replay_runs import RunPayload, evolve_run
from muster.domain.replay_tasks import TaskPayload, evolve_task
from muster.domain.replay_world import Fact, World

PlacePayload = ProjectPayload | QueuePayload | SessionPayload | AgentPayload | TaskClassPayload | RolePayload
UnseenPayload = (
    ActivityPosted
    | LogLost
    | PreferencesSet
    | TaskMerged
    | ConsoleOpened
    | ProviderFailing
    | ProviderRecovered
)
"""What changes nothing of the world that is replayed."""
AnyPayload = (
    TaskPayload | AttemptPayload | RunPayload | ApprovalPayload | ReviewPayload | PlacePayload | UnseenPayload
)


def evolve(world: World, fact: Fact) -> None:
    """Fold one event into the world; what does not fit is noted in `world.strays`."""
    payload = cast(AnyPayload, fact.payload)
    match payload:
        case (
            TaskSubmitted()
            | TaskEdited()
            | TaskReadied()
            | TaskRequeued()
            | TaskCancelled()
            | TaskArchived()
            | TaskRestored()
            | TaskRemoved()
        ):
            evolve_task(world, fact, payload)
        case AttemptStarted() | AttemptWarned() | AttemptSucceeded() | AttemptFailed():
            evolve_attempt(world, fact, payload)
        case RunStarted() | RunDescribed() | RunCharged():
            evolve_run(world, fact, payload)
        case (
            ApprovalRequested()
            | ApprovalAnswered()
            | ApprovalExpired()
            | ApprovalExtended()
            | ApprovalWithdrawn()
            | PermissionGranted()
            | PermissionRevoked()
            | MessagePosted()
            | MessageDelivered()
        ):
            evolve_approval(world, fact, payload)
        case (
            TaskReviewed() | TaskSeen() | TaskUnseen() | CommentWritten() | CommentEdited() | CommentRemoved()
        ):
            evolve_review(world, fact, payload)
        case _:
            _evolve_rest(world, fact, payload)


def _evolve_rest(world: World, fact: Fact, payload: PlacePayload | UnseenPayload) -> None:
    match payload:
        case ProjectCreated() | ProjectEdited() | CapitalAllocated() | ProjectDeleted():
            evolve_project(world, fact, payload)
        case QueueCreated() | QueueEdited() | QueueDeleted():
            evolve_queue(world, fact, payload)
        case SessionCreated() | SessionEdited():
            evolve_session(world, fact, payload)
        case AgentRegistered() | AgentEdited() | AgentDeleted():
            evolve_agent(world, fact, payload)
        case TaskClassSet() | TaskClassDeleted():
            evolve_task_class(world, fact, payload)
        case RoleSet() | RoleDeleted():
            evolve_role(world, fact, payload)
        case (
            ActivityPosted()
            | LogLost()
            | PreferencesSet()
            | TaskMerged()
            | ConsoleOpened()
            | ProviderFailing()
            | ProviderRecovered()
        ):
            pass
        case _:
            assert_never(payload)
