"""What may go of the work that attempts left (SW-4i)."""

from __future__ import annotations

import pytest

from muster.domain.reclaim import Kept, Verdict, judge


@pytest.mark.parametrize(
    ("state", "merged", "checked_out", "abandoned", "age", "verdict"),
    [
        ("succeeded", True, False, False, 0, Verdict.MERGED),
        (None, True, False, False, 0, Verdict.MERGED),
        ("succeeded", True, True, True, 99, Verdict.CHECKED_OUT),
        ("running", True, False, True, 99, Verdict.RUNNING),
        ("backoff", False, False, True, 99, Verdict.RUNNING),
        ("succeeded", False, False, True, 99, Verdict.UNMERGED),
        ("failed", False, False, False, 99, Verdict.UNMERGED),
        ("failed", False, False, True, 99, Verdict.ABANDONED),
        ("gone", False, False, True, 99, Verdict.ABANDONED),
        ("cancelled", False, False, True, 1, Verdict.YOUNG),
        (None, False, False, True, 99, Verdict.UNKNOWN),
    ],
)
def test_merged_work_goes_and_abandoned_work_when_asked_for(
    state: str | None, merged: bool, checked_out: bool, abandoned: bool, age: float, verdict: Verdict
) -> None:
    kept = Kept(state=state, merged=merged, checked_out=checked_out, age_days=age)
    assert judge(kept, abandoned=abandoned, older_days=7) is verdict
    assert verdict.goes == (verdict in (Verdict.MERGED, Verdict.ABANDONED))
