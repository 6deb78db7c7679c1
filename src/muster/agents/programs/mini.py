"""Runs mini-swe-agent and tells its trajectory, which it writes anew after each step, a message a line.

`python -m muster.agents.programs.mini TRAJECTORY mini ARGUMENTS`. What mini itself prints is for people and goes to
standard error. The exit status is mini's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

LOOK_SECONDS: Final = 0.1
_LEFT_OUT: Final = ("response", "traceback")
"""The model's whole answer says the rest of the message again; of it only the usage is kept."""


def lines_of(trajectory: dict[str, Any], told: int) -> Iterator[str]:
    """The messages of a trajectory after the first `told`, as lines."""
    for message in trajectory["messages"][told:]:
        extra: dict[str, Any] = message.get("extra") or {}
        kept = {name: value for name, value in extra.items() if name not in _LEFT_OUT}
        answer: dict[str, Any] = extra.get("response") or {}
        kept["usage"] = answer.get("usage")
        yield json.dumps({"message": {**message, "extra": kept}})


def last_line(trajectory: dict[str, Any]) -> str:
    """What is known at the end."""
    info = {name: value for name, value in trajectory["info"].items() if name != "config"}
    return json.dumps({"info": info})


class Follower:
    """Follows a trajectory file while it is written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0
        self._told = 0
        self.trajectory: dict[str, Any] | None = None

    def look(self) -> None:
        """Tell what is new. A file that is just being written is read at the next look."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed == self._seen:
                return
            self.trajectory = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return
        self._seen = changed
        for line in lines_of(self.trajectory or {"messages": []}, self._told):
            sys.stdout.write(line + "\n")
            self._told += 1
        sys.stdout.flush()


def _ends(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Run it to its end."""
    path = Path(arguments[0])
    path.unlink(missing_ok=True)
    follower = Follower(path)
    with subprocess.Popen(arguments[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr) as process:
        while not _ends(process):
            follower.look()
    follower.look()
    if follower.trajectory is not None:
        sys.stdout.write(last_line(follower.trajectory) + "\n")
        sys.stdout.flush()
    if process.returncode < 0:
        os.kill(os.getpid(), -process.returncode)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
