"""What an attempt's end is called."""

from __future__ import annotations

import pytest

from muster.domain.failure import FAILURES
from muster.sandboxes.sandbox import Ending, ExitStatus
from muster.worker.outcome import explain_exit


@pytest.mark.parametrize("reason", Ending)
def test_every_end_has_a_documented_code(reason: Ending) -> None:
    """SW-4f"""
    code, message = explain_exit(ExitStatus(code=1, reason=reason), 5, "the end of its stderr")
    assert code in FAILURES
    assert message


def test_a_lost_sandbox_is_tried_again() -> None:
    """SW-4h"""
    code, _ = explain_exit(ExitStatus(reason=Ending.LOST), 5, "")
    assert code == "sandbox_lost"
    assert FAILURES[code].retry
