"""Pictures of every page of the web interface, of a server of its own with a busy fleet: `python -m tools.screens FOLDER`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

WEB = Path(__file__).resolve().parents[1] / "web"


def free_port() -> int:
    """A port where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until_ready(url: str) -> None:
    """Wait until the server takes work."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(url + "/ready") as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"there is no server at {url}")


def main() -> int:
    """Start, fill, take pictures, stop; the exit status of the pictures."""
    folder = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as data:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environ = {
            **os.environ,
            "MUSTER_DATA_DIR": data + "/data",
            "MUSTER_PORT": str(port),
            "MUSTER_URL": url,
        }
        started = [subprocess.Popen([sys.executable, "-m", "muster.cli.main", "up", "--demo"], env=environ)]
        try:
            until_ready(url)
            filler = subprocess.Popen(
                [sys.executable, "-m", "tools.busy_fleet", url], stdout=subprocess.PIPE, text=True
            )
            started.append(filler)
            assert filler.stdout is not None
            filler.stdout.readline()
            subprocess.run([sys.executable, "-m", "tools.busy_plan", url], check=True)
            return subprocess.run(
                ["node", "tools/screens.js", str(folder)], cwd=WEB, env=environ, check=False
            ).returncode
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    sys.exit(main())
