"""Ways out of a sandbox without a network: run inside it, standard library only.

`python -I relay.py PORT=SOCKET ... -- PROGRAM ARGUMENTS`: whoever connects to 127.0.0.1:PORT inside is connected to the
unix socket, which the sandbox sees in a folder of its own. The program takes the place of this process.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

CHUNK = 65_536
LONGEST = 100
"""Bytes of a socket's path that every system takes."""


def copy(source: socket.socket, target: socket.socket) -> None:
    """Bytes one way, until their end."""
    try:
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


def connect(inside: socket.socket, path: str) -> None:
    """One connection, both ways."""
    with inside, socket.socket(socket.AF_UNIX) as outside:
        try:
            outside.connect(path)
        except OSError:
            return
        back = threading.Thread(target=copy, args=(outside, inside), daemon=True)
        back.start()
        copy(inside, outside)
        back.join()


def serve(listener: socket.socket, path: str) -> None:
    while True:
        inside, _ = listener.accept()
        inside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=connect, args=(inside, path), daemon=True).start()


def listen(door: str) -> tuple[socket.socket, str]:
    port, _, path = door.partition("=")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(port)))
    listener.listen(128)
    return listener, path


def reachable(path: str) -> str:
    """A path short enough for a socket's name, through its folder's descriptor where it has to be."""
    if len(os.fsencode(path)) <= LONGEST:
        return path
    folder, name = os.path.split(path)
    return f"/proc/self/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}/{name}"


def hold_only(fds: list[int]) -> None:
    """Let go of everything else: the relay must not hold the program's pipes open when that ends."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    for name in os.listdir("/dev/fd"):
        if int(name) > 2 and int(name) not in fds:
            try:
                os.close(int(name))
            except OSError:
                continue


def main(arguments: list[str]) -> None:
    cut = arguments.index("--")
    doors = [listen(door) for door in arguments[:cut]]
    if os.fork() != 0:
        for listener, _ in doors:
            listener.close()
        program = arguments[cut + 1 :]
        try:
            os.execvp(program[0], program)
        except OSError as error:
            sys.stderr.write(f"{program[0]}: {error.strerror}\n")
            os._exit(127)
    hold_only([listener.fileno() for listener, _ in doors])
    threads = [threading.Thread(target=serve, args=(listener, reachable(path))) for listener, path in doors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(sys.argv[1:])
