"""What every kind of event has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class Payload:
    """What happened; subclasses say what exactly."""

    kind: ClassVar[str] = ""
