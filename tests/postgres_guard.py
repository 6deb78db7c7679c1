"""A PostgreSQL cluster that never outlives the process that asked for it.

Run as a program of its own: it listens on a Unix socket, makes and starts the cluster at the first
connection, answers each connection with where the cluster is (one JSON line), and ends, with the
cluster and its files, when its standard input closes. That happens however its parent ends, `kill -9`
included; should the guard itself be killed, the kernel ends PostgreSQL (Linux).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import re
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

SOCKET_NAME = "guard.sock"
SUPERUSER = "muster"
START_SECONDS = 30.0
PORT_ATTEMPTS = 5
PR_SET_PDEATHSIG = 1

# Small and quick to start, but honest about commits: fsync and synchronous_commit stay on.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "max_worker_processes": "2",
    "max_parallel_workers": "0",
    "jit": "off",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What the guard is started with: the server's programs, an empty directory, extra settings."""

    binaries: str
    directory: str
    settings: dict[str, str] = field(default_factory=dict)

    def encode(self) -> str:
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Running:
    process: subprocess.Popen[bytes]
    port: int
    password: str

    def answer(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "user": SUPERUSER, "password": self.password}


def main() -> None:
    request = Request(**json.loads(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    running: Running | None = None
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(Path(request.directory) / SOCKET_NAME))
            listener.listen(64)
            sys.stdout.write("listening\n")
            sys.stdout.flush()
            while _wait_for_client(listener):
                running = _answer_client(listener, request, running)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if running is not None:
            _stop(running.process)
        shutil.rmtree(request.directory, ignore_errors=True)


def _leave(signum: int, frame: object) -> NoReturn:
    raise SystemExit(128 + signum)


def _wait_for_client(listener: socket.socket) -> bool:
    """True when somebody connected, False when the parent is gone."""
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        ready = {key.fd for key, _ in selector.select()}
    return sys.stdin.fileno() not in ready


def _answer_client(listener: socket.socket, request: Request, running: Running | None) -> Running | None:
    connection, _ = listener.accept()
    with connection:
        try:
            running = running or _start(request)
            answer = running.answer()
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            answer = {"error": str(error)}
        with contextlib.suppress(OSError):
            connection.sendall(json.dumps(answer).encode() + b"\n")
    return running


def _start(request: Request) -> Running:
    owner = _unprivileged_owner()
    directory = Path(request.directory)
    data = directory / "data"
    password = secrets.token_hex(16)
    password_file = directory / "password"
    password_file.write_text(password)
    if owner is not None:
        os.chown(directory, owner.pw_uid, owner.pw_gid)
        os.chown(password_file, owner.pw_uid, owner.pw_gid)
    _make_cluster(request, data, password_file, owner)
    for attempt in range(PORT_ATTEMPTS):
        port = _free_port()
        process = _launch(request, data, port, owner)
        if _ready(process, data):
            return Running(process, port, password)
        if attempt == PORT_ATTEMPTS - 1:
            break
    raise RuntimeError(f"PostgreSQL did not start:\n{_tail(directory / 'server.log')}")


def _unprivileged_owner() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: whom root runs it as."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(
        "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody' to run it as"
    )


def _make_cluster(request: Request, data: Path, password_file: Path, owner: pwd.struct_passwd | None) -> None:
    command = [
        str(Path(request.binaries) / "initdb"),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]
    # A language's order, as real installations have it: code that relies on byte order must say so.
    language = ["--locale-provider=icu", "--icu-locale=en-US"]
    made = _run(command + language, owner)
    if made.returncode != 0 and re.search(rb"ICU|locale.provider", made.stderr):
        shutil.rmtree(data, ignore_errors=True)
        made = _run(command, owner)
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{made.stderr.decode(errors='replace')}")


def _run(command: list[str], owner: pwd.struct_passwd | None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=START_SECONDS * 4,
        env=_environment(),
        cwd="/",
        preexec_fn=_die_with_parent,
        **_run_as(owner),
    )


def _launch(
    request: Request, data: Path, port: int, owner: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    settings = SETTINGS | request.settings
    command = [
        str(Path(request.binaries) / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-k",
        request.directory,
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with (Path(request.directory) / "server.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
            cwd="/",
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
            **_run_as(owner),
        )


def _run_as(owner: pwd.struct_passwd | None) -> dict[str, Any]:
    if owner is None:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(process: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait until the server says in its pid file that it takes connections."""
    step = 0.02
    for _ in range(int(START_SECONDS / step)):
        try:
            process.wait(step)
            return False
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                lines = (data / "postmaster.pid").read_text().splitlines()
                if len(lines) >= 8 and lines[7].strip() == "ready":
                    return True
    _stop(process)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it at once: nobody needs the data any more."""
    process.send_signal(signal.SIGQUIT)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    except OSError as error:
        return str(error)


if __name__ == "__main__":
    main()
