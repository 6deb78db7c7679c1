"""Loads muster once, and forks a process of it for each order; see `forked`."""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import time
from typing import NoReturn

from tests.e2e.forked import MOST

LOADED = (
    "muster.cli.server",
    "muster.cli.worker",
    "muster.bootstrap.server",
    "muster.bootstrap.local_worker",
    "muster.api.native",
)


def load() -> None:
    """Everything a server and a worker load before they work."""
    for name in LOADED:
        importlib.import_module(name)
    gc.collect()
    # What is loaded is not looked through again by each who was forked, which would copy its pages.
    gc.freeze()


def run(order: bytes, output: int) -> NoReturn:
    """Be the `muster` that is asked for, and end with its status."""
    from muster.cli.main import main

    told = json.loads(order)
    os.environ.clear()
    os.environ.update(told["environ"])
    time.tzset()
    os.chdir(told["folder"])
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    sys.argv = ["muster", *told["words"]]
    status = 1
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - told as the interpreter tells it
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def serve(orders: socket.socket) -> None:
    """Fork for each order until whoever gives them has gone away."""
    while True:
        order, fds, _, _ = socket.recv_fds(orders, MOST, 1)
        if not order:
            return
        reader, writer = os.pipe()
        middle = os.fork()
        if middle == 0:
            child = os.fork()
            if child == 0:
                orders.close()
                os.close(reader)
                os.close(writer)
                run(order, fds[0])
            os.write(writer, str(child).encode())
            os._exit(0)
        os.close(writer)
        os.close(fds[0])
        pid = os.read(reader, 64)
        os.close(reader)
        os.waitpid(middle, 0)
        orders.send(pid)


if __name__ == "__main__":
    load()
    serve(socket.socket(fileno=int(sys.argv[1])))
