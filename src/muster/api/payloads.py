"""What a task's payload must hold, by kind, and which paths it may name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final, cast

from muster.domain.agent_task import read_hosts
from muster.domain.errors import InvalidInput
from muster.domain.task import PROGRAMS, TaskKind

SCRIPTS: Final = frozenset({TaskKind.BASH, TaskKind.PYTHON})


def check_payload(kind: str, payload: dict[str, Any]) -> None:
    """InvalidInput naming the field of the payload that cannot be executed."""
    if kind in PROGRAMS:
        read_hosts("payload.allow_hosts", payload.get("allow_hosts") or [])
    if kind in SCRIPTS:
        _check_script(payload)
    elif kind == TaskKind.COMMAND:
        argv = payload.get("argv")
        if not _texts(argv) or not argv:
            raise InvalidInput(
                field="payload.argv", problem='a command needs its words, such as ["make", "test"]'
            )


def _check_script(payload: dict[str, Any]) -> None:
    script, path = payload.get("script"), payload.get("path")
    if script is None and path is None:
        given = f"; it has {', '.join(payload)[:200]}" if payload else ""
        raise InvalidInput(field="payload", problem=f"needs `script` (its text) or `path` (its file){given}")
    for name, value in (("script", script), ("path", path)):
        if value is not None and not isinstance(value, str):
            raise InvalidInput(field=f"payload.{name}", problem="must be text")
    if path is not None:
        check_path("payload.path", path)


def check_path(field: str, path: str) -> None:
    """InvalidInput for a path that climbs out of where it starts, or is empty."""
    if not path.strip() or ".." in PurePosixPath(path).parts or ".." in PureWindowsPath(path).parts:
        raise InvalidInput(field=field, problem="must not be empty or lead upwards ('..')")


def check_working_dir(path: str) -> None:
    """InvalidInput unless the path is absolute and plain. Whether it exists is for its worker to say."""
    if not PurePosixPath(path).is_absolute():
        raise InvalidInput(field="working_dir", problem="must be an absolute path")
    check_path("working_dir", path)


def check_required_files(paths: Sequence[str]) -> None:
    """InvalidInput unless all paths stay inside the working directory."""
    for path in paths:
        if PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
            raise InvalidInput(field="required_files", problem="must be relative to the working directory")
        check_path("required_files", path)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in cast(list[Any], value))
