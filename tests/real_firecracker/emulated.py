"""An emulated host that offers KVM: QEMU emulates a processor with AMD's virtualisation, whatever runs below."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from muster.sandboxes.guest_image import BUSYBOX, make_filesystem, make_initrd
from tools.real_firecracker import compile_python

SOURCES = Path(__file__).resolve().parent.parent.parent / "src" / "muster"
MODULES = (
    *("virtio_pci", "virtio_blk", "crc32c_generic", "ext4", "irqbypass", "ccp", "kvm", "kvm_amd"),
    *("virtio_net", "tun", "nf_tables", "nft_ct", "nft_chain_nat", "nft_masq"),
)
ECHO = "10.0.2.100"
"""Somebody beyond the emulated host, who says again what is said to him on port 7."""
INIT = """#!/bin/sh
mount -t devtmpfs dev /dev
for m in $(cat /modules/order); do insmod /modules/$m; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 1000 ]; do n=$((n+1)); sleep 0.01; done
mount -t ext4 -o rw /dev/vda /newroot && exec switch_root /newroot /start
"""
START = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/shm; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs -o size=3g tmpfs /tmp; mount -t tmpfs tmpfs /run
echo "@@ up"; hostname emulated; ip link set lo up
ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
echo 1 >/proc/sys/net/ipv4/ip_forward; echo "nameserver 10.0.2.3" >/etc/resolv.conf
cd /here && python3 -X faulthandler /here/inside.py >/dev/ttyS0 2>&1
n=0; while pidof firecracker >/dev/null && [ $n -lt 300 ]; do n=$((n+1)); sleep 0.1; done
printf '@@ {"step": "orphans", "left": %d}\\n' "$(pidof firecracker | wc -w)"
python3 /here/inside.py after >/dev/ttyS0 2>&1
echo "@@ over"
poweroff -f
"""
BEGIN_SECONDS = 60.0
"""Until its first program runs. QEMU's emulation sometimes spins before that, and is started anew."""
TRIES = 4
TRIES_ONCE_BEGUN = 2
ROOM = 3 << 30
MEMORY_MIB = 4096


class EmulationFailed(Exception):
    """It did not get to the end; the words are the last it said."""


class EmulatedHost:
    """Made in `folder` out of what `tools.real_firecracker` got, an image of muster's, and the sandboxes package as it is."""

    def __init__(self, parts: Path, images: Path, inside: Path, folder: Path) -> None:
        self._parts = parts
        self._folder = folder
        stage = folder / "stage"
        for source in (parts / "root", parts / "host"):
            shutil.copytree(source, stage, symlinks=True, dirs_exist_ok=True)
        for name in ("proc", "sys", "dev", "tmp", "run", "root", "var/tmp", "home"):
            (stage / name).mkdir(parents=True, exist_ok=True)
        for name in ("firecracker", "jailer"):
            shutil.copy2(parts / name, stage / "usr" / "bin" / name)
        here = stage / "here"
        (here / "src" / "muster").mkdir(parents=True)
        for name in ("__init__.py", "domain", "sandboxes"):
            source = SOURCES / name
            if source.is_dir():
                shutil.copytree(
                    source, here / "src" / "muster" / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy2(source, here / "src" / "muster" / name)
        shutil.copytree(images, here / "images", symlinks=True)
        shutil.copy2(inside, here / "inside.py")
        (stage / "start").write_text(START)
        (stage / "start").chmod(0o755)
        (stage / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        compile_python(stage, "/here/src")
        make_filesystem(folder / "host.ext4", stage, ROOM)
        shutil.rmtree(stage)
        make_initrd(folder / "host.cpio", parts / "modules", MODULES, INIT)

    def run(self, seconds: float) -> list[dict[str, Any]]:
        """Start it, and read what the program inside says until its end, whatever that program came to.

        EmulationFailed after several tries in which the emulated host itself did not get there.
        """
        said, begun = "", 0
        for _ in range(TRIES):
            said, began = self._once(seconds)
            if "@@ over" in said:
                return [json.loads(line[3:]) for line in said.splitlines() if line.startswith("@@ {")]
            begun += began
            if begun == TRIES_ONCE_BEGUN:
                break
        raise EmulationFailed(said[-6000:])

    def _once(self, seconds: float) -> tuple[str, bool]:
        machine = [
            "-accel",
            "tcg,thread=multi,tb-size=1024",
            "-cpu",
            "max",
            "-M",
            "q35",
            "-m",
            str(MEMORY_MIB),
        ]
        machine += [
            "-smp",
            "1",
            "-nodefaults",
            "-no-user-config",
            "-nographic",
            "-serial",
            "stdio",
            "-no-reboot",
        ]
        disk = f"file={self._folder / 'host.ext4'},format=raw,if=virtio,snapshot=on,cache=unsafe"
        start = ["-kernel", str(self._parts / "vmlinuz"), "-initrd", str(self._folder / "host.cpio")]
        words = "console=ttyS0 quiet reboot=t panic=-1 mitigations=off random.trust_cpu=on no_timer_check"
        beyond = f"user,id=beyond,restrict=on,guestfwd=tcp:{ECHO}:7-cmd:cat"
        network = ["-netdev", beyond, "-device", "virtio-net-pci,netdev=beyond,romfile="]
        qemu = subprocess.Popen(
            ["qemu-system-x86_64", *machine, "-drive", disk, *network, *start, "-append", words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            return _listen(qemu, seconds)
        finally:
            qemu.kill()
            qemu.communicate()


def _listen(qemu: subprocess.Popen[bytes], seconds: float) -> tuple[str, bool]:
    """What it says until its end, or until it is silent for too long; whether its first program ran."""
    assert qemu.stdout is not None
    said = bytearray()
    deadline = time.monotonic() + seconds
    begin = time.monotonic() + BEGIN_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        patience = left if b"@@ up" in said else begin - time.monotonic()
        if patience <= 0 or not select.select([qemu.stdout], [], [], patience)[0]:
            break
        data = os.read(qemu.stdout.fileno(), 65536)
        if not data:
            break
        said += data
        echo(data)
    return said.decode(errors="replace").replace("\r", ""), b"@@ up" in said


def echo(data: bytes) -> None:
    """To the file that MUSTER_EMULATED_LOG names, for whoever looks for a fault."""
    name = os.environ.get("MUSTER_EMULATED_LOG")
    if name:
        with contextlib.suppress(OSError), Path(name).open("ab") as log:
            log.write(data)


def missing_on_this_host() -> str | None:
    """Why nothing can be emulated here."""
    if shutil.which("qemu-system-x86_64") is None:
        return "qemu-system-x86_64 is not installed"
    return None if any(Path(name).exists() for name in BUSYBOX) else "no static busybox is installed"
