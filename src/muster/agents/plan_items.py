"""Items of a plan as ACP and programs shaped after it write them: {content, status, priority}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.agents.wire import text
from muster.domain.transcript import PlanItem


def plan_item(given: Mapping[str, Any]) -> PlanItem:
    """An item; a status or priority that is not known stays the usual one."""
    item = PlanItem(text=text(given.get("content")))
    match given.get("status"):
        case "in_progress" | "completed" as status:
            item.status = status
        case _:
            pass
    match given.get("priority"):
        case "high" | "low" as priority:
            item.priority = priority
        case _:
            pass
    return item
