"""What a look at the machine comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "absent", "warn", "fail"]
"""`absent`: something this machine does not have and need not have."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `remedy` says what to do when it is not ok."""

    name: str
    status: Status
    message: str
    remedy: str = ""
