"""Claims made from this machine by hand. Their tokens are kept so that `muster complete ID` works from any shell."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from muster.bootstrap.daemon import prepare_data_dir, write_private
from muster.domain.errors import NotFound

FOLDER: Final = "claims"
_SAFE: Final = re.compile(r"^[A-Za-z0-9_-]{1,60}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldClaim:
    """A task somebody on this machine works on."""

    task_id: str
    attempt_id: str
    token: str
    agent_id: str
    title: str
    queue: str


class ClaimBook:
    """One file a claim below the data directory, for its owner only."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._folder = data_dir / FOLDER

    def keep(self, claim: Mapping[str, Any], agent_id: str) -> HeldClaim:
        """Remember a claim as the server answered it."""
        held = HeldClaim(
            task_id=str(claim["task_id"]),
            attempt_id=str(claim["attempt_id"]),
            token=str(claim["token"]),
            agent_id=agent_id,
            title=str(claim["title"]),
            queue=str(claim["queue"]),
        )
        prepare_data_dir(self._data_dir)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        write_private(self._path(held.task_id), json.dumps(asdict(held)))
        return held

    def forget(self, task_id: str) -> None:
        """Remove a claim; fine when it is not kept."""
        self._path(task_id).unlink(missing_ok=True)

    def all(self) -> list[HeldClaim]:
        """Every kept claim, the oldest task first. Files that are no claims are passed over."""
        found: list[HeldClaim] = []
        for path in sorted(self._folder.glob("tsk_*.json")):
            try:
                found.append(HeldClaim(**json.loads(path.read_text(encoding="utf-8"))))
            except (OSError, ValueError, TypeError):
                continue
        return found

    def find(self, part: str) -> HeldClaim:
        """The kept claim whose task or attempt id is `part` or has it in it; NotFound when none has."""
        from muster.cli.task_ids import match_part

        by_id: dict[str, HeldClaim] = {}
        for held in self.all():
            by_id[held.task_id] = by_id[held.attempt_id] = held
        if part in by_id:
            return by_id[part]
        if not any(part in identity for identity in by_id):
            raise NotFound(
                f"{part} was not claimed from this data directory ({self._data_dir}). "
                "Claim it with 'muster claim', or give its attempt and lease with --attempt and --lease.",
                noun="claim",
                id=part,
            )
        return by_id[match_part(part, [identity for identity in by_id if identity.startswith("tsk_")])]

    def _path(self, task_id: str) -> Path:
        if not _SAFE.match(task_id):
            raise NotFound(noun="task", id=task_id[:60])
        return self._folder / f"{task_id}.json"
