"""A virtual machine's way out: a tap device of its own, and rules of nftables that let it reach others and nothing of this host.

Each machine has four addresses of `NET`, of which two are used: the tap's on this side, the guest's inside. The
rules hold for every tap by the beginning of its name: no packet comes to this host or another machine, only what a machine asked
for comes in, and what goes out has this host's address. They go with the last tap.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import ipaddress
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from muster.sandboxes.sandbox import SandboxError
from muster.sandboxes.supervised import SYSTEM_PATH

NET: Final = ipaddress.IPv4Network("10.213.0.0/16")
PREFIX_LENGTH: Final = 30
TAPS: Final = "mt-"
NAME_DIGITS: Final = 12
"""With the beginning, as long as the kernel lets names be."""
TABLE: Final = "muster_machines"
TUN: Final = Path("/dev/net/tun")
FORWARDS: Final = Path("/proc/sys/net/ipv4/ip_forward")
ROUTES: Final = Path("/proc/net/route")
RESOLVERS: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
TUNSETIFF, TUNSETPERSIST, TUNSETOWNER = 0x400454CA, 0x400454CB, 0x400454CC
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS, IFF_UP = 0x8916, 0x891C, 0x8914, 1
RULES: Final = f"""
table inet {TABLE}
delete table inet {TABLE}
table inet {TABLE} {{
  chain input {{
    type filter hook input priority -10; policy accept;
    iifname "{TAPS}*" drop
  }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname "{TAPS}*" oifname "{TAPS}*" drop
    iifname "{TAPS}*" meta nfproto ipv6 drop
    iifname "{TAPS}*" ip saddr != {NET} drop
    iifname "{TAPS}*" ip daddr {{ 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4 }} drop
    oifname "{TAPS}*" ct state != {{ established, related }} drop
  }}
  chain postrouting {{
    type nat hook postrouting priority 100; policy accept;
    ip saddr {NET} oifname != "{TAPS}*" masquerade
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One machine's: the tap out here, and what its guest is told."""

    name: str
    tap: str
    gateway: ipaddress.IPv4Address
    address: ipaddress.IPv4Address
    nameservers: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As the guest's agent reads it."""
        return {
            "address": str(self.address),
            "netmask": str(ipaddress.IPv4Network((0, PREFIX_LENGTH)).netmask),
            "gateway": str(self.gateway),
            "nameservers": list(self.nameservers),
        }


class WaysOut:
    """All ways of the machines below one folder, which notes whose addresses are taken."""

    def __init__(self, folder: Path, nft: str | None = None) -> None:
        self._folder = folder
        self._nft = shutil.which("nft", path=SYSTEM_PATH) if nft is None else nft

    def problem(self) -> str | None:
        """Why machines here have no open network; None when they have."""
        if os.geteuid() != 0:
            return "only root's worker can make a machine's network"
        if not self._nft:
            return "the program nft is not installed (apt install nftables)"
        if not TUN.exists():
            return f"this host has no {TUN} (modprobe tun)"
        if FORWARDS.read_text().strip() != "1":
            return "this host passes no packets on (sysctl net.ipv4.ip_forward=1)"
        if any(not name.startswith(TAPS) and net.overlaps(NET) for name, net in _routes()):
            return f"this host reaches addresses of {NET}, which are the machines', elsewhere"
        return None

    def open(self, name: str, user: int | None) -> Way:
        """A way for a machine whose Firecracker runs as `user` (None: as this process). SandboxError when there is none."""
        problem = self.problem()
        if problem is not None:
            raise SandboxError(problem=f"its machine has no open network: {problem}")
        tap = _tap_of(name)
        with self._alone():
            first = NET.network_address + 4 * self._take(name)
            try:
                self._rule(RULES)
                _make_tap(tap, first + 1, user)
            except OSError as error:
                self._forget(name)
                raise SandboxError(problem=f"its network was not made: {error}") from error
        return Way(name=name, tap=tap, gateway=first + 1, address=first + 2, nameservers=_nameservers())

    def forget(self, beginning: str) -> None:
        """Remove every way whose name begins so. Their machines have ended."""
        if self._folder.is_dir():
            with self._alone():
                self._forget(beginning)

    def _forget(self, beginning: str) -> None:
        left = 0
        for place in list(self._taken()):
            name = str(place.readlink())
            if name.startswith(beginning):
                _remove_tap(_tap_of(name))
                place.unlink()
            else:
                left += 1
        if not left:
            self._rule(f"table inet {TABLE}\ndelete table inet {TABLE}\n")

    def _taken(self) -> Iterator[Path]:
        return (path for path in self._folder.iterdir() if path.is_symlink())

    def _take(self, name: str) -> int:
        """A number that no tap has, noted as a link. One whose tap is gone is of before this host started."""
        taken: set[int] = set()
        for path in list(self._taken()):
            if _is_there(_tap_of(str(path.readlink()))):
                taken.add(int(path.name))
            else:
                path.unlink()
        for number in range(NET.num_addresses // 4):
            if number not in taken:
                (self._folder / str(number)).symlink_to(name)
                return number
        raise SandboxError(problem=f"all addresses of {NET} are taken")

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _rule(self, words: str) -> None:
        """Change the rules, all at once. OSError when they are refused."""
        if not self._nft:
            return
        done = subprocess.run(
            [self._nft, "-f", "-"], input=words, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(f"nft: {done.stderr.strip()}")


def _tap_of(name: str) -> str:
    return TAPS + hashlib.sha256(name.encode()).hexdigest()[:NAME_DIGITS]


def _is_there(device: str) -> bool:
    return device in (name for _, name in socket.if_nameindex())


def _make_tap(name: str, address: ipaddress.IPv4Address, user: int | None) -> None:
    """A device that stays until it is removed, since another program is to open it."""
    with _tap(name) as device:
        if user is not None:
            fcntl.ioctl(device, TUNSETOWNER, user)
        fcntl.ioctl(device, TUNSETPERSIST, 1)
        for setting, value in (("ipv4", "rp_filter"), ("ipv6", "disable_ipv6")):
            with contextlib.suppress(FileNotFoundError):
                Path(f"/proc/sys/net/{setting}/conf/{name}/{value}").write_text("1")
        netmask = ipaddress.IPv4Network((0, PREFIX_LENGTH)).netmask
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for request, given in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, netmask)):
                words = struct.pack("16sHH4s16x", name.encode(), socket.AF_INET, 0, given.packed)
                fcntl.ioctl(any_socket, request, words)
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", name.encode(), IFF_UP))


def _remove_tap(name: str) -> None:
    if _is_there(name):
        with _tap(name) as device:
            fcntl.ioctl(device, TUNSETPERSIST, 0)


@contextlib.contextmanager
def _tap(name: str) -> Generator[int]:
    device = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
    try:
        flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        yield device
    finally:
        os.close(device)


def _routes() -> Iterator[tuple[str, ipaddress.IPv4Network]]:
    """Where this host sends what: device and network, without the way to everywhere."""
    for line in ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        address, mask = (int.from_bytes(bytes.fromhex(fields[place]), "little") for place in (1, 7))
        if mask:
            yield fields[0], ipaddress.IPv4Network((address, mask.bit_count()), strict=False)


def _nameservers() -> tuple[str, ...]:
    """The host's, without those that listen on its loopback: a machine does not reach them."""
    for path in RESOLVERS:
        with contextlib.suppress(OSError):
            words = [line.split() for line in path.read_text().splitlines() if line.startswith("nameserver ")]
            found = tuple(line[1] for line in words if len(line) > 1 and _can_be_asked(line[1]))
            if found:
                return found
    return ()


def _can_be_asked(address: str) -> bool:
    with contextlib.suppress(ValueError):
        return not ipaddress.IPv4Address(address).is_loopback
    return False
