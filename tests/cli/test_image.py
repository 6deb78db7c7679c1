"""Building and showing the image that virtual machines start from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from muster.cli.exits import ExitCode
from tests.cli.conftest import Muster

SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


@pytest.mark.skipif(shutil.which("mke2fs", path=SBIN) is None, reason="mke2fs is not installed")
def test_an_image_is_built_from_a_kernel_and_a_folder_and_shown(muster: Muster, tmp_path: Path) -> None:
    """SW-4f"""
    root, kernel = tmp_path / "root", tmp_path / "vmlinux-6.1"
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / "python3").write_text("")
    kernel.write_bytes(b"\x7fELF")
    built = muster("image", "build", "--kernel", str(kernel), "--root", str(root), "--json")
    assert built.code == 0, built.err
    assert built.json["kernel"] == "6.1"
    assert built.json["root"] == str(root)
    assert muster("image", "show", "--json").json == built.json
    assert f"programs of {root}" in muster("image", "show").out


def test_an_image_that_was_not_built_and_a_kernel_that_is_not_there_are_told_of(muster: Muster) -> None:
    """SW-4f"""
    shown = muster("image", "show")
    assert shown.code == ExitCode.NOT_FOUND
    assert "muster image build" in shown.err
    built = muster("image", "build", "--kernel", "nowhere")
    assert built.code == ExitCode.NOT_FOUND
    assert "nowhere" in built.err
