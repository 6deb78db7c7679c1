"""Why attempts fail: the documented list of codes, what each means and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FailureCode:
    """One reason. `retry`: the task is tried again while its policy allows; `counts`: the attempt uses up one of them."""

    code: str
    meaning: str
    next_step: str
    retry: bool = True
    counts: bool = True


_ALL: Final = (
    FailureCode("agent_error", "The claimer reported an error of its own.", "Retried with back-off."),
    FailureCode("exit_nonzero", "The program ended with a status other than 0.", "Retried with back-off."),
    FailureCode(
        "killed_by_signal", "The program was ended by a signal it did not expect.", "Retried with back-off."
    ),
    FailureCode(
        "timeout", "The program ran longer than its class allows and was stopped.", "Retried with back-off."
    ),
    FailureCode(
        "stale",
        "No heartbeat came for twice the timeout; the server took the task back.",
        "Retried with back-off.",
    ),
    FailureCode("worker_lost", "The worker that ran the attempt is gone.", "Retried at once.", counts=True),
    FailureCode(
        "released",
        "The worker gave the task back unfinished, because it shuts down.",
        "Ready again at once; does not count.",
        counts=False,
    ),
    FailureCode("out_of_memory", "The program needed more memory than its limit.", "Retried with back-off."),
    FailureCode(
        "output_limit",
        "The program wrote more output than is allowed.",
        "Not retried: raise the limit or write less.",
        retry=False,
    ),
    FailureCode(
        "file_limit",
        "The program wrote a larger file than is allowed.",
        "Not retried: raise limits.file_mb or write less.",
        retry=False,
    ),
    FailureCode(
        "process_limit", "The program started more processes than is allowed.", "Retried with back-off."
    ),
    FailureCode(
        "schema_mismatch",
        "The result does not fit the declared output schema.",
        "Retried with back-off; the next attempt is told what was wrong.",
    ),
    FailureCode(
        "missing_files",
        "Files the task must leave behind are not there.",
        "Retried with back-off; the next attempt is told which.",
    ),
    FailureCode(
        "acceptance_failed",
        "The acceptance command failed.",
        "Retried with back-off; the next attempt is told its output.",
    ),
    FailureCode(
        "outside_ownership",
        "The agent changed files that its part of the task does not own.",
        "Not retried: its branch is kept for a look; widen `owns` or split the task anew.",
        retry=False,
    ),
    FailureCode(
        "setup_failed",
        "The set-up command of the working copy failed; the agent was not started.",
        "Retried with back-off.",
    ),
    FailureCode(
        "remote_missing",
        "The repository has no such remote, or it leads to no forge that this worker knows.",
        "Not retried: add the remote or the forge and requeue.",
        retry=False,
    ),
    FailureCode(
        "token_missing",
        "A pull request is asked for, and the worker has no token for the remote's forge.",
        "Not retried: set the variable that the message names and requeue.",
        retry=False,
    ),
    FailureCode(
        "push_refused",
        "The remote did not take the branch, or its forge the pull request; or they could not be reached.",
        "Not retried: the work is kept on its branch. Push it yourself, or mend the cause and requeue.",
        retry=False,
    ),
    FailureCode(
        "workdir_missing",
        "The working directory is gone, is not a directory or cannot be written.",
        "Not retried: mend the path and requeue.",
        retry=False,
    ),
    FailureCode(
        "script_missing",
        "The named script does not exist or cannot be read.",
        "Not retried: mend it and requeue.",
        retry=False,
    ),
    FailureCode(
        "bad_payload",
        "The task's payload cannot be executed.",
        "Not retried: change the task and requeue.",
        retry=False,
    ),
    FailureCode(
        "worker_error",
        "The worker could not go on with the attempt; the message and its log say why.",
        "Retried with back-off.",
    ),
    FailureCode("sandbox_error", "The sandbox could not be started.", "Retried with back-off."),
    FailureCode(
        "sandbox_lost",
        "The sandbox went away, or answered no more, while its program ran.",
        "Retried with back-off, in a new one.",
    ),
    FailureCode(
        "sandbox_unavailable",
        "The isolation level the task demands is not there on this worker.",
        "Retried on another worker.",
        counts=False,
    ),
    FailureCode("disk_full", "The disk of the worker is full.", "Retried with back-off."),
    FailureCode(
        "agent_missing",
        "The agent program is not installed on the worker.",
        "Not retried: install it and requeue.",
        retry=False,
    ),
    FailureCode(
        "auth_failed",
        "The model provider refused the credentials.",
        "Not retried: sign in and requeue.",
        retry=False,
    ),
    FailureCode(
        "rate_limited",
        "The model provider asked to slow down.",
        "Waits for the provider; does not count.",
        counts=False,
    ),
    FailureCode(
        "quota_exhausted",
        "The provider's quota window is used up.",
        "Waits until it resets; does not count.",
        counts=False,
    ),
    FailureCode(
        "provider_unavailable",
        "The model provider is overloaded or failing.",
        "Waits for the provider; does not count.",
        counts=False,
    ),
    FailureCode(
        "context_overflow",
        "The task does not fit the model's context window.",
        "Not retried: make it smaller.",
        retry=False,
    ),
    FailureCode("refused", "The model refused the task.", "Not retried: rephrase it.", retry=False),
    FailureCode(
        "budget_exceeded",
        "The attempt spent more than it may.",
        "Not retried: raise the budget and requeue.",
        retry=False,
    ),
    FailureCode(
        "invalid_task",
        "The claimer says that the task itself is wrong.",
        "Not retried: change it and requeue.",
        retry=False,
    ),
)

FAILURES: Final = {failure.code: failure for failure in _ALL}


def failure(code: str) -> FailureCode:
    """The entry of a code; a code that is not in the list counts as `agent_error`."""
    return FAILURES.get(code) or FAILURES["agent_error"]
