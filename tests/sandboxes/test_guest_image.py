"""What machines start from: a kernel as Firecracker wants it, what loads its modules, a file system with the agent."""

from __future__ import annotations

import gzip
import lzma
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from muster.sandboxes import guest_image
from muster.sandboxes.guest_image import NoImage, archive, build_image, current_image, kernel_elf, make_initrd
from muster.sandboxes.shared_disk import shared_disk

ELF = b"\x7fELF" + b"kernel" * 1000
SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


def boot_image(payload: bytes, version: str = "6.1.0-test extra") -> bytes:
    """As in /boot: a header, set-up code, the compressed kernel."""
    head = bytearray(2048)
    head[0x1F1] = 3
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x20E, 0x400)
    struct.pack_into("<II", head, 0x248, 0, len(payload))
    head[0x600 : 0x600 + len(version) + 1] = version.encode() + b"\0"
    return bytes(head) + payload + b"behind it"


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(ELF), lzma.compress(ELF, check=lzma.CHECK_CRC32), ELF],
    ids=["gzip", "xz", "plain"],
)
def test_the_kernel_is_taken_out_of_a_boot_image(packed: bytes) -> None:
    """SW-4f"""
    assert kernel_elf(boot_image(packed)) == ELF


@pytest.mark.skipif(shutil.which("lz4") is None, reason="lz4 is not installed")
def test_a_kernel_that_lz4_compressed_is_taken_out_by_its_program() -> None:
    """SW-4f: Debian's"""
    packed = subprocess.run(["lz4", "-lqc"], input=ELF, capture_output=True, check=True).stdout
    assert kernel_elf(boot_image(packed + struct.pack("<I", len(ELF)))) == ELF


def test_what_is_no_kernel_is_refused() -> None:
    """SW-4f"""
    with pytest.raises(NoImage, match="neither"):
        kernel_elf(bytes(4096))
    with pytest.raises(NoImage, match="no ELF"):
        kernel_elf(boot_image(b"something else"))


def test_modules_are_loaded_in_the_order_of_what_they_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SW-4f"""
    folder = tmp_path / "modules" / "kernel"
    folder.mkdir(parents=True)
    (folder / "upper-one.ko.xz").write_bytes(lzma.compress(b"\x7fELF\0depends=lower,other\0"))
    (folder / "lower.ko").write_bytes(b"\x7fELF\0depends=\0")
    (folder / "other.ko").write_bytes(b"\x7fELF\0depends=lower\0")
    busybox = tmp_path / "busybox"
    busybox.write_bytes(ELF)
    monkeypatch.setattr(guest_image, "BUSYBOX", (str(busybox),))
    target = tmp_path / "initrd"
    assert make_initrd(target, folder.parent, ("builtin", "upper_one"))
    assert b"lower.ko\nother.ko\nupper_one.ko\n" in target.read_bytes()
    assert not make_initrd(target, folder.parent, ("builtin",))
    busybox.write_bytes(b"\x7fELF/lib64/ld-linux-x86-64.so.2")
    with pytest.raises(NoImage, match="busybox-static"):
        make_initrd(target, folder.parent, ("lower",))


@pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
def test_an_archive_is_read_by_cpio(tmp_path: Path) -> None:
    """SW-4f"""
    made = archive([("d", 0o40755, b""), ("d/f", 0o100644, b"words"), ("d/l", 0o120777, b"f")])
    subprocess.run(["cpio", "-id", "--quiet"], input=made, cwd=tmp_path, check=True)
    assert (tmp_path / "d" / "l").read_text() == "words"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    if shutil.which("mke2fs", path=SBIN) is None or shutil.which("debugfs", path=SBIN) is None:
        pytest.skip("mke2fs is not installed")
    root = tmp_path / "root"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "python3").symlink_to("/usr/bin/python3.11")
    (root / "usr" / "bin" / "python3.11").write_text("")
    (root / "home" / "someone").mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (tmp_path / "vmlinux-6.1").write_bytes(ELF)
    return root


def inside(disk: Path, path: str) -> str:
    done = subprocess.run(
        [str(shutil.which("debugfs", path=SBIN)), "-R", f"cat {path}", str(disk)],
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def test_an_image_holds_the_system_the_agent_and_the_user_of_programs(root: Path, tmp_path: Path) -> None:
    """SW-4f"""
    images = tmp_path / "images"
    assert current_image(images) is None
    built = build_image(images, kernel=tmp_path / "vmlinux-6.1", root=root)
    assert current_image(images) == built
    assert built.kernel.read_bytes() == ELF
    assert built.initial_ramdisk is None
    assert inside(built.root, "/muster/init").startswith("#!/usr/bin/python3 -ISB\n")
    assert "def scan" in inside(built.root, "/muster/guest_tree.py")
    assert inside(built.root, "/etc/passwd").splitlines()[0] == "root:x:0:0:root:/root:/bin/bash"
    assert "muster:x:1000:1000:" in inside(built.root, "/etc/passwd")
    assert inside(built.root, "/home/someone") == ""
    assert (root / "etc" / "passwd").read_text().count("\n") == 1, "the folder itself stays as it is"


def test_a_new_image_takes_the_place_of_the_one_before_and_old_ones_go(root: Path, tmp_path: Path) -> None:
    """SW-4f"""
    images, kernel = tmp_path / "images", tmp_path / "vmlinux-6.1"
    (images / "new-killed" / "root").mkdir(parents=True)
    built = [build_image(images, kernel=kernel, root=root) for _ in range(3)]
    assert current_image(images) == built[-1]
    assert [image.folder.exists() for image in built] == [False, True, True]
    assert sorted(path.name for path in images.iterdir()) == sorted(["current", built[1].id, built[2].id])


def test_a_root_without_python_or_with_an_old_one_is_refused(root: Path, tmp_path: Path) -> None:
    """SW-4f"""
    kernel = tmp_path / "vmlinux-6.1"
    python = root / "usr" / "bin" / "python3"
    python.unlink()
    with pytest.raises(NoImage, match="python3"):
        build_image(tmp_path / "images", kernel=kernel, root=root)
    python.symlink_to("python3.9")
    (python.parent / "python3.9").write_text("")
    with pytest.raises(NoImage, match=r"3\.9"):
        build_image(tmp_path / "images", kernel=kernel, root=root)
    assert list((tmp_path / "images").iterdir()) == []


def test_readable_folders_become_a_disk_that_is_made_anew_only_when_they_change(
    root: Path, tmp_path: Path
) -> None:
    """SW-4f"""
    given, folder = tmp_path / "given", tmp_path / "shared"
    (given / "secret").mkdir(parents=True)
    (given / "secret" / "key").write_text("key")
    (given / "file").write_text("words")
    hidden = [given / "secret"]
    disk = shared_disk(folder, [given], hidden)
    assert inside(disk, "/0/file") == "words"
    assert inside(disk, "/0/secret/key") == ""
    assert shared_disk(folder, [given], hidden) == disk
    (given / "file").write_text("other words")
    assert shared_disk(folder, [given], hidden) != disk
    assert sorted(path.suffix for path in folder.iterdir()) == [".ext4", ".ext4"]
