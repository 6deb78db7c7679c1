"""Judging runs that ended without a result of their own, alike for all agents."""

from __future__ import annotations

from typing import Final

from muster.agents.adapter import Ended, Verdict
from muster.agents.failures import Failure, code_in

COMPLAINT: Final = 1_000
STOPPED: Final = {
    "cancelled": ("agent_error", "it was cancelled"),
    "timeout": ("timeout", "it ran longer than it may and was stopped"),
    "limit": ("agent_error", "it ran into a limit and was stopped"),
}


def ended_badly(
    ended: Ended, failure: Failure | None, words: str, errors: str, session: str | None
) -> Verdict:
    """The verdict on a program that went away before it told a result: what stopped it, else what failed last."""
    if ended.stopped:
        code, message = STOPPED[ended.stopped]
        return Verdict(ok=False, code=code, message=message, session=session)
    if failure is not None:
        return Verdict(
            ok=False, code=failure.code, message=words, session=session, resets_at=failure.resets_at
        )
    complaint = (errors or ended.stderr).strip()[-COMPLAINT:]
    how = f"signal {ended.signal}" if ended.signal is not None else f"status {ended.code}"
    code = code_in(complaint) or ("killed_by_signal" if ended.signal is not None else "agent_error")
    said = f": {complaint}" if complaint else ""
    return Verdict(
        ok=False, code=code, message=f"it ended with {how} and without a result{said}", session=session
    )
