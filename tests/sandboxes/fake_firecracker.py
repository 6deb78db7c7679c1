"""Stands in for Firecracker where there is no virtualisation: its API on a unix socket, and a guest that is this process.

Programs run as processes of the host, in folders below the machine's own. Every request is noted in a file beside this
program's, a line each. `python fake_firecracker.py CONFIG --api-sock NAME`; the config is JSON: `log`, `refuse` (a path of
the API that is answered with 400), `mute` (no guest answers), `dies` (words, and the end at once), `stuck` (a guest that
ends nothing).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from muster.sandboxes import guest_tree
from muster.sandboxes.guest_agent import FRAME

CONFIG: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
INSIDE = Path("inside").absolute()


class Guest:
    def __init__(self) -> None:
        self.roots: dict[int, tuple[str, set[str]]] = {}
        self.places: dict[str, str] = {}
        self.known: dict[int, Any] = {}

    def adopt(self, request: dict[str, Any]) -> None:
        for folder in request["folders"]:
            if "root" in folder:
                inside = INSIDE / str(folder["root"])
                inside.mkdir(parents=True, exist_ok=True)
                self.roots[folder["root"]] = (str(inside), set(folder["without"]))
                self.places[folder["place"]] = str(inside)
                self.known[folder["root"]] = {}

    def serve(self, talk: socket.socket) -> None:
        with talk, talk.makefile("rb") as stream, talk.makefile("wb") as out:
            stream.readline()
            out.write(b"OK 1\n")
            out.flush()
            line = stream.readline()
            if not line:
                return
            request = json.loads(line)
            note(
                {"agent": request["do"], **{name: request[name] for name in ("hostname",) if name in request}}
            )
            match request["do"]:
                case "adopt":
                    self.adopt(request)
                    answer(out, {"ok": True})
                case "take":
                    root, without = self.roots[request["root"]]
                    guest_tree.receive(root, stream, most=request["most"])
                    self.known[request["root"]] = guest_tree.scan(root, without)
                    answer(out, {"ok": True})
                case "give":
                    root, without = self.roots[request["root"]]
                    guest_tree.send(root, self.known[request["root"]], guest_tree.scan(root, without), out)
                case "run":
                    self.run(request, stream, out)
                case _:
                    answer(out, {"ok": True, "processes": 1})

    def run(self, request: dict[str, Any], stream: BinaryIO, out: BinaryIO) -> None:
        program = subprocess.Popen(
            request["argv"],
            env=request["env"],
            cwd=self.places[request["cwd"]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert program.stdin is not None
        assert program.stdout is not None
        answer(out, {"started": program.pid})
        threading.Thread(target=obey, args=(stream, program), daemon=True).start()
        while data := os.read(program.stdout.fileno(), 65536):
            out.write(FRAME.pack(b"o", len(data)) + data)
            out.flush()
        code = program.wait()
        ended = {"code": code if code >= 0 else None, "signal": -code if code < 0 else None}
        text = json.dumps({**ended, "out_of_memory": False, "disk_full": False}).encode()
        out.write(FRAME.pack(b"x", len(text)) + text)
        out.flush()


def obey(stream: BinaryIO, program: subprocess.Popen[bytes]) -> None:
    assert program.stdin is not None
    while len(header := stream.read(FRAME.size)) == FRAME.size:
        letter, size = FRAME.unpack(header)
        data = stream.read(size)
        if letter == b"i":
            program.stdin.write(data)
            program.stdin.flush()
        elif letter == b"c":
            program.stdin.close()
        elif not CONFIG.get("stuck"):
            program.terminate() if letter == b"t" else program.kill()


def answer(out: BinaryIO, words: dict[str, Any]) -> None:
    out.write(json.dumps(words).encode() + b"\n")
    out.flush()


def note(what: dict[str, Any]) -> None:
    with Path(CONFIG["log"]).open("a") as log:
        log.write(json.dumps(what) + "\n")


def listen(name: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(name)
    listener.listen(16)
    return listener


def start_guest() -> None:
    listener = listen("v.sock")
    if CONFIG.get("mute"):
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        return
    guest = Guest()

    def take() -> None:
        while True:
            threading.Thread(target=guest.serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=take, daemon=True).start()


def hang_up(listener: socket.socket) -> None:
    """As Firecracker does while nobody listens on the port inside."""
    while True:
        listener.accept()[0].close()


def act(method: str, path: str, body: dict[str, Any]) -> None:
    if path == "/actions" or (path == "/vm" and body["state"] == "Resumed"):
        start_guest()
    if path == "/snapshot/create":
        for name in ("snapshot_path", "mem_file_path"):
            Path(body[name]).write_bytes(b"")


def serve_api(name: str) -> None:
    listener = listen(name)
    while True:
        talk, _ = listener.accept()
        with talk, talk.makefile("rb") as stream:
            method, path, _ = stream.readline().decode().split()
            size = 0
            while line := stream.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split()[1])
            body = json.loads(stream.read(size) or b"{}")
            note({"method": method, "path": path, "body": body})
            if path == CONFIG.get("refuse"):
                text = b'{"fault_message": "it was refused"}'
                talk.sendall(b"HTTP/1.1 400 \r\nContent-Length: %d\r\n\r\n" % len(text) + text)
            else:
                act(method, path, body)
                talk.sendall(b"HTTP/1.1 204 \r\nServer: Firecracker API\r\n\r\n")


if __name__ == "__main__":
    note({"started": os.getpid()})
    if CONFIG.get("dies"):
        sys.exit(CONFIG["dies"])
    serve_api(sys.argv[3])
