"""Builds what a virtual machine starts from: a kernel, its modules, and a read-only file system with the guest agent."""

from __future__ import annotations

import bz2
import fcntl
import json
import lzma
import os
import re
import secrets
import shutil
import stat
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from muster.domain.errors import Category, MusterError
from muster.sandboxes.folders import remove_tree
from muster.sandboxes.private_etc import ACCOUNTS, PrivateEtc
from muster.sandboxes.supervised import SYSTEM_PATH
from muster.sandboxes.view import LINKS_OR_FOLDERS, READ_ONLY

CURRENT: Final = "current"
KEPT: Final = 2
"""The newest images; a worker may still run on the one before."""
ROOT_BYTES_SPARE: Final = 32 << 20
BLOCK: Final = 4096
AGENT: Final = Path(__file__).with_name("guest_agent.py")
TREE: Final = Path(__file__).with_name("guest_tree.py")
PYTHONS: Final = ("usr/bin/python3", "usr/local/bin/python3")
LEAST_PYTHON: Final = 10
EMPTY: Final = ("proc", "sys", "dev", "tmp", "run", "home", "root", "var", "mnt", "muster")
LEFT_OUT: Final = frozenset({*EMPTY, "boot", "media", "srv", "lost+found"})
MODULES: Final = (
    "virtio_mmio",
    "virtio_blk",
    "crc32c_generic",
    "ext4",
    "vmw_vsock_virtio_transport",
    "virtio_net",
)
BUSYBOX: Final = ("/bin/busybox", "/usr/bin/busybox", "/usr/lib/busybox/busybox-static")
APPLETS: Final = ("sh", "mount", "insmod", "sleep", "switch_root")
INIT: Final = """#!/bin/sh
mount -t devtmpfs dev /dev
for m in $(cat /modules/order); do insmod /modules/$m; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 500 ]; do n=$((n+1)); sleep 0.01; done
mount -t ext4 -o ro /dev/vda /newroot && exec switch_root /newroot /muster/init
echo "no root file system"
"""
ELF: Final = b"\x7fELF"


class NoImage(MusterError):
    """The image cannot be built: {problem}"""

    code = "image_not_built"
    category = Category.UNAVAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built one; the files are in `folder`."""

    folder: Path
    id: str
    kernel_version: str
    root_from: str
    initrd: bool
    left_out: int
    """Files that the builder may not read."""

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinux"

    @property
    def root(self) -> Path:
        return self.folder / "root.ext4"

    @property
    def initial_ramdisk(self) -> Path | None:
        return self.folder / "initrd.cpio" if self.initrd else None

    @property
    def bytes(self) -> int:
        """On disk."""
        return sum(entry.stat().st_blocks * 512 for entry in self.folder.iterdir())


def current_image(images: Path) -> Image | None:
    """The newest one below a folder."""
    try:
        folder = (images / CURRENT).resolve(strict=True)
        about = json.loads((folder / "image.json").read_text())
    except (OSError, ValueError):
        return None
    return Image(**about | {"folder": folder})


def build_image(images: Path, *, kernel: Path, root: Path, modules: Path | None = None) -> Image:
    """Make an image below the folder `images`, and make it the current one. Blocks, perhaps for minutes. NoImage tells why not.

    `kernel` is an uncompressed ELF or what a distribution puts into /boot; its `modules` are looked for where
    distributions put them. `root` is a folder with a Linux system in it, `/` what sandboxes of other levels see of this one.
    """
    images.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _only_builder(images):
        return _build(images, kernel, root, modules)


@contextmanager
def _only_builder(images: Path) -> Generator[None]:
    """One builds at a time, and first removes what one that was killed has left."""
    folder = os.open(images, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in images.glob("new-*"):
            remove_tree(left)
        yield
    except BlockingIOError as error:
        raise NoImage(problem="another one is being built") from error
    finally:
        os.close(folder)


def _build(images: Path, kernel: Path, root: Path, modules: Path | None) -> Image:
    identity = secrets.token_hex(6)
    making = images / f"new-{identity}"
    making.mkdir(mode=0o700)
    try:
        packed = kernel.read_bytes()
        (making / "vmlinux").write_bytes(kernel_elf(packed))
        version = kernel_version(packed, kernel)
        initrd = make_initrd(making / "initrd.cpio", modules or _modules_of(kernel, version))
        left_out = _make_root(making / "root.ext4", root, images)
        image = Image(
            folder=making,
            id=identity,
            kernel_version=version,
            root_from=str(root),
            initrd=initrd,
            left_out=left_out,
        )
        (making / "image.json").write_text(json.dumps({**asdict(image), "folder": ""}))
        making.rename(images / identity)
    except OSError as error:
        raise NoImage(problem=str(error)) from error
    finally:
        remove_tree(making)
    _make_current(images, identity)
    found = current_image(images)
    if found is None:
        raise NoImage(problem=f"{images} does not hold it")
    return found


def _make_current(images: Path, identity: str) -> None:
    link = images / f"new-{identity}"
    link.symlink_to(identity)
    link.replace(images / CURRENT)
    built = sorted(images.glob("*/image.json"), key=lambda file: file.stat().st_mtime)
    folders = [file.parent for file in built if not file.parent.is_symlink()]
    for folder in folders[:-KEPT]:
        remove_tree(folder)


def kernel_elf(packed: bytes) -> bytes:
    """The uncompressed kernel, which is what Firecracker starts, out of a file of /boot."""
    if packed.startswith(ELF):
        return packed
    if packed[0x202:0x206] != b"HdrS":
        raise NoImage(problem="the kernel is neither an ELF file nor an x86 boot image")
    start = (packed[0x1F1] + 1) * 512 + struct.unpack_from("<I", packed, 0x248)[0]
    payload = packed[start : start + struct.unpack_from("<I", packed, 0x24C)[0]]
    elf = unpacked(payload)
    if not elf.startswith(ELF):
        raise NoImage(problem="the kernel's payload is no ELF file")
    return elf


def kernel_version(packed: bytes, path: Path) -> str:
    """As in the name of its folder of modules."""
    if packed[0x202:0x206] == b"HdrS":
        start = struct.unpack_from("<H", packed, 0x20E)[0] + 0x200
        return packed[start : packed.index(b"\0", start)].split()[0].decode()
    return path.name.removeprefix("vmlinux-").removeprefix("vmlinuz-")


def unpacked(data: bytes) -> bytes:
    """Whatever compresses kernels and modules. lz4 and zstd need their programs."""
    if data.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(wbits=31).decompress(data)
    if data.startswith((b"\xfd7zXZ", b"\x5d\x00\x00")):
        return lzma.LZMADecompressor().decompress(data)
    if data.startswith(b"BZh"):
        return bz2.BZ2Decompressor().decompress(data)
    if data.startswith(b"\x02\x21\x4c\x18"):
        return _by_program("lz4", data[:-4])
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        return _by_program("zstd", data)
    return data


def _by_program(name: str, data: bytes) -> bytes:
    program = shutil.which(name)
    if program is None:
        raise NoImage(problem=f"it is compressed with {name}, which is not installed (apt install {name})")
    done = subprocess.run([program, "-dcqf", "-"], input=data, capture_output=True, check=False)
    if not done.stdout:
        raise NoImage(problem=f"{name}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _modules_of(kernel: Path, version: str) -> Path | None:
    beside = kernel.resolve().parent.parent / "lib" / "modules" / version
    return next((path for path in (beside, Path("/lib/modules") / version) if path.is_dir()), None)


def make_initrd(
    target: Path, modules: Path | None, wanted: Sequence[str] = MODULES, init: str = INIT
) -> bool:
    """Write what loads modules and then starts from the root. False when none is needed: everything is built in."""
    found = list(_needed(modules, wanted)) if modules is not None else []
    if not found:
        return False
    busybox = next((path for path in map(Path, BUSYBOX) if path.is_file() and _is_static(path)), None)
    if busybox is None:
        raise NoImage(
            problem="this kernel needs modules, and loading them a static busybox (apt install busybox-static)"
        )
    entries: list[tuple[str, int, bytes]] = [
        (name, stat.S_IFDIR | 0o755, b"") for name in ("bin", "dev", "modules", "newroot")
    ]
    entries.append(("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()))
    entries += [(f"bin/{name}", stat.S_IFLNK | 0o777, b"busybox") for name in (*APPLETS, "cat")]
    entries += [(f"modules/{name}", stat.S_IFREG | 0o644, data) for name, data in found]
    entries.append(
        ("modules/order", stat.S_IFREG | 0o644, "\n".join(name for name, _ in found).encode() + b"\n")
    )
    entries.append(("init", stat.S_IFREG | 0o755, init.encode()))
    target.write_bytes(archive(entries))
    return True


def _is_static(program: Path) -> bool:
    """Whether it starts where no library is: it names no interpreter."""
    return b"/ld-linux" not in program.read_bytes()[:BLOCK]


def _needed(modules: Path, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each module, those it depends on first. What is not there is built in."""
    files = {
        path.name.partition(".ko")[0].replace("-", "_"): path
        for path in modules.rglob("*.ko*")
        if path.is_file()
    }
    seen: set[str] = set()

    def visit(name: str) -> Iterator[tuple[str, bytes]]:
        name = name.replace("-", "_")
        if name in seen or name not in files:
            return
        seen.add(name)
        data = unpacked(files[name].read_bytes())
        depends = re.search(rb"\0depends=([^\0]*)\0", data)
        for other in depends[1].decode().split(",") if depends and depends[1] else ():
            yield from visit(other)
        yield f"{name}.ko", data

    for name in wanted:
        yield from visit(name)


def archive(entries: Sequence[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive as kernels read it: name, mode, and bytes or a link's target."""
    out = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4)
        out += data + bytes(-len(data) % 4)
    return bytes(out)


def _make_root(target: Path, root: Path, beside: Path) -> int:
    """Write the file system; how many files may not be read."""
    with tempfile.TemporaryDirectory(dir=beside, prefix="new-root-") as folder:
        stage = Path(folder) / "root"
        stage.mkdir(mode=0o755)
        left_out = sum(copy_into(source, stage / name) for name, source in _parts_of(root))
        for name in EMPTY:
            (stage / name).mkdir(exist_ok=True)
        _add_accounts(stage / "etc")
        _add_agent(stage)
        make_filesystem(target, stage)
        remove_tree(stage)
    return left_out


def make_filesystem(target: Path, stage: Path, spare: int = ROOT_BYTES_SPARE) -> None:
    """A file with an ext4 file system that holds what a folder holds, and a little room. NoImage when that fails."""
    make = shutil.which("mke2fs", path=SYSTEM_PATH)
    if make is None:
        raise NoImage(problem="the program mke2fs is not installed (apt install e2fsprogs)")
    size, count = _measure(stage)
    words = [make, "-q", "-F", "-t", "ext4", "-b", str(BLOCK), "-m", "0", "-N", str(count * 11 // 10 + 1000)]
    words += ["-O", "^has_journal", "-E", "root_owner=0:0", "-d", str(stage), str(target)]
    words.append(f"{(size * 11 // 10 + spare) // 1024}k")
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise NoImage(problem=f"mke2fs: {done.stderr.decode(errors='replace').strip()}")


def _parts_of(root: Path) -> Iterator[tuple[str, Path]]:
    if root == Path("/"):
        for name in (*READ_ONLY, *LINKS_OR_FOLDERS):
            if Path(name).exists():
                yield name.strip("/"), Path(name)
        etc = PrivateEtc()
        try:
            yield "etc", etc.folder()
        finally:
            etc.close()
        return
    if not root.is_dir():
        raise NoImage(problem=f"{root} is not a folder")
    for entry in sorted(root.iterdir()):
        if entry.name not in LEFT_OUT:
            yield entry.name, entry


def copy_into(source: Path, target: Path) -> int:
    """Copy a folder as it is; how many files may not be read."""
    words = ["cp", "-a", "--reflink=auto", str(source), str(target)]
    done = subprocess.run(
        words, capture_output=True, text=True, env={"PATH": SYSTEM_PATH, "LC_ALL": "C"}, check=False
    )
    said = done.stderr.strip().splitlines()
    unread = sum("Permission denied" in line or "Operation not permitted" in line for line in said)
    if done.returncode and unread < len(said):
        raise NoImage(problem=said[-1])
    return unread


def _add_accounts(etc: Path) -> None:
    """The one user programs run as, and a file where each machine's id is shown."""
    etc.mkdir(exist_ok=True, mode=0o755)
    for name in ("passwd", "group"):
        present = (etc / name).read_text() if (etc / name).is_file() else ""
        lines = [line for line in present.splitlines() if line]
        known = {line.split(":")[2] for line in lines if line.count(":") >= 3}
        lines += [line for line in ACCOUNTS[name].splitlines() if line.split(":")[2] not in known]
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text("\n".join(lines) + "\n")
    for name in ("machine-id", "resolv.conf", "hostname"):
        (etc / name).unlink(missing_ok=True)
        (etc / name).write_text("")
    (etc / "hosts").unlink(missing_ok=True)
    (etc / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")


def _add_agent(stage: Path) -> None:
    """The first process, started by the root's own Python."""
    python = next((name for name in PYTHONS if _inside(stage, stage / name) is not None), None)
    if python is None:
        raise NoImage(problem="the root has no /usr/bin/python3, which the guest agent needs")
    real = _inside(stage, stage / python)
    minor = re.fullmatch(r"python3\.(\d+)", real.name) if real else None
    if minor and int(minor[1]) < LEAST_PYTHON:
        raise NoImage(
            problem=f"its /{python} is 3.{minor[1]}; the guest agent needs 3.{LEAST_PYTHON} or later"
        )
    init = stage / "muster" / "init"
    init.write_text(f"#!/{python} -ISB\n{AGENT.read_text()}")
    init.chmod(0o755)
    shutil.copyfile(TREE, stage / "muster" / "guest_tree.py")


def _inside(stage: Path, path: Path) -> Path | None:
    """The file a path leads to when `stage` is the root; None when there is none."""
    for _ in range(40):
        parts = path.relative_to(stage).parts
        link = next(
            (
                place
                for count in range(1, len(parts) + 1)
                if (place := stage.joinpath(*parts[:count])).is_symlink()
            ),
            None,
        )
        if link is None:
            return path if path.is_file() else None
        rest = path.relative_to(link)
        target = link.readlink()
        base = stage / target.relative_to("/") if target.is_absolute() else link.parent / target
        path = Path(os.path.normpath(base / rest))
        if not path.is_relative_to(stage):
            return None
    return None


def _measure(stage: Path) -> tuple[int, int]:
    size = count = 0
    for folder, folders, files in os.walk(stage):
        count += 1 + len(files)
        size += BLOCK
        for name in (*files, *folders):
            about = os.lstat(f"{folder}/{name}")
            size += -(-about.st_size // BLOCK) * BLOCK
            count += stat.S_ISLNK(about.st_mode)
    return size, count
