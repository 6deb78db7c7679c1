"""Run as root of a network namespace: machines' taps, packets through them as guests would send them. Prints JSON."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Generator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from muster.sandboxes.machine_net import FORWARDS, IFF_NO_PI, IFF_TAP, TUN, TUNSETIFF, Way, WaysOut
from muster.sandboxes.sandbox import SandboxError

PATIENCE = 0.3
"""For a packet that is not to come; those that do have come before it in the same order."""
UPLINK, HOST, BEYOND = "uplink", "192.0.2.1", "192.0.2.9"
MAC = bytes.fromhex("060000000001")
PORT = 4000
SIOCGIFFLAGS, SIOCGIFHWADDR, IFF_RUNNING = 0x8913, 0x8927, 0x40


class Wire:
    """One end of a tap: what a guest's card, or somebody beyond this host, sends and gets."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fd = os.open(TUN, os.O_RDWR)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
        self.mac = _about(name, SIOCGIFHWADDR)[2:8]
        # The kernel takes note of a carrier when it comes round to it, and passes nothing on until then.
        while not int.from_bytes(_about(name, SIOCGIFFLAGS)[:2], "little") & IFF_RUNNING:
            time.sleep(0.01)

    def send(self, source: str, target: str, words: bytes, port: int = PORT) -> None:
        datagram = struct.pack("!HHHH", port, PORT, 8 + len(words), 0) + words
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0)
        head += IPv4Address(source).packed + IPv4Address(target).packed
        head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
        os.write(self.fd, self.mac + MAC + b"\x08\x00" + head + datagram)

    def got(self, patience: float = PATIENCE) -> list[dict[str, Any]]:
        """The datagrams that came, until none comes; who asks for an address is told one."""
        found: list[dict[str, Any]] = []
        while select.select([self.fd], [], [], patience)[0]:
            frame = os.read(self.fd, 2048)
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x01":
                answer = frame[:20] + b"\x00\x02" + MAC + frame[38:42] + frame[22:32]
                os.write(self.fd, frame[6:12] + MAC + answer[12:])
            elif frame[12:14] == b"\x08\x00" and frame[23] == 17:
                source, target = (str(IPv4Address(frame[place : place + 4])) for place in (26, 30))
                port = struct.unpack("!H", frame[34:36])[0]
                found.append({"from": source, "to": target, "says": frame[42:].decode(), "port": port})
        return found


def _about(name: str, number: int) -> bytes:
    with socket.socket() as any_socket:
        return fcntl.ioctl(any_socket, number, struct.pack("16s24x", name.encode()))[16:]


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def devices() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex() if name.startswith("mt-"))


def left() -> dict[str, Any]:
    return {"devices": devices(), "tables": run("nft", "list", "tables")}


def refusal(ways: WaysOut) -> str:
    try:
        ways.open("none", None)
    except SandboxError as error:
        return error.message
    return "it was opened"


@contextlib.contextmanager
def listening() -> Generator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as host:
        host.bind(("0.0.0.0", PORT))
        host.settimeout(PATIENCE)
        yield host


def heard(host: socket.socket) -> list[str]:
    with contextlib.suppress(TimeoutError):
        return [host.recv(100).decode()]
    return []


def begin(ways: WaysOut, folder: Path) -> dict[str, Any]:
    """Make the uplink; what is refused before there is all that a way needs."""
    run("ip", "link", "set", "lo", "up")
    out: dict[str, Any] = {"without forwarding": refusal(ways)}
    FORWARDS.write_text("1")
    out["without nft"] = refusal(WaysOut(folder, nft=""))
    run("ip", "tuntap", "add", UPLINK, "mode", "tap")
    run("ip", "addr", "add", "10.213.7.1/24", "dev", UPLINK)
    run("ip", "link", "set", UPLINK, "up")
    out["with its addresses elsewhere"] = refusal(ways)
    run("ip", "addr", "flush", "dev", UPLINK)
    run("ip", "addr", "add", f"{HOST}/24", "dev", UPLINK)
    run("ip", "route", "add", "default", "via", BEYOND)
    return out


def talk(one: Way, other: Way) -> dict[str, Any]:
    """Packets of the first machine's, and to it."""
    guest, second, beyond = Wire(one.tap), Wire(other.tap), Wire(UPLINK)
    source = str(one.address)
    guest.send(source, BEYOND, b"hello")
    came = beyond.got()
    beyond.send(BEYOND, came[0]["from"], b"back", port=PORT)
    out: dict[str, Any] = {"beyond": [{key: one[key] for key in ("from", "to", "says")} for one in came]}
    out["answer"] = "".join(one["says"] for one in guest.got())
    with listening() as host:
        targets = {
            "host by its gateway": str(one.gateway),
            "host by its own address": HOST,
            "another machine": str(other.address),
            "metadata": "169.254.169.254",
        }
        reached: dict[str, list[Any]] = {}
        for name, target in targets.items():
            guest.send(source, target, b"in")
            reached[name] = [*heard(host), *second.got(), *beyond.got()]
        guest.send("198.51.100.7", BEYOND, b"not me")
        reached["spoofed"] = beyond.got()
    out["not reached"] = reached
    beyond.send(BEYOND, source, b"unasked", port=PORT + 1)
    out["unasked"] = guest.got()
    for wire in (guest, second, beyond):
        os.close(wire.fd)
    return out


def main(folder: Path) -> dict[str, Any]:
    ways = WaysOut(folder)
    out = begin(ways, folder)
    one, other = (ways.open(name, 0) for name in ("first /place", "second /place"))
    out["ways"] = [{"tap": way.tap, "document": way.document()} for way in (one, other)]
    out["devices"] = devices()
    out |= talk(one, other)
    WaysOut(folder).forget("first ")
    out["one gone"] = left()
    ways.forget("second /place")
    out["all gone"] = left()
    ways.forget("second /place")
    out["forgotten again"] = left()
    lost = ways.open("third /place", 0)
    run("ip", "link", "del", lost.tap)
    out["taken after a new start"] = str(ways.open("fourth /place", 0).address)
    return out


print(json.dumps(main(Path(sys.argv[1]))))
