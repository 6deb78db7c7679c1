"""The read models that are made from the log."""

from __future__ import annotations

from typing import Final

from muster.projections import agent_tasks, search
from muster.projections.folding import Projection

PROJECTIONS: Final[tuple[Projection, ...]] = (search.TASK_SEARCH, agent_tasks.AGENT_TASKS)
