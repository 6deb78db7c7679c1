"""Folders that programs have written to are removed, and nothing around them is touched."""

from __future__ import annotations

import stat
from pathlib import Path

from muster.sandboxes.folders import remove_tree


def test_removing_changes_no_permissions_outside_of_what_is_removed(tmp_path: Path) -> None:
    """SW-4h: what cannot be removed as a tree, here a link, once made the folder around it private."""
    around, elsewhere = tmp_path / "around", tmp_path / "elsewhere"
    around.mkdir(mode=0o755)
    elsewhere.mkdir()
    (around / "link").symlink_to(elsewhere)
    remove_tree(around / "link")
    assert stat.S_IMODE(around.stat().st_mode) == 0o755
    assert elsewhere.is_dir()


def test_a_tree_with_closed_folders_is_removed(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "closed"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    inner.chmod(0)
    (tmp_path / "tree").chmod(0o500)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
