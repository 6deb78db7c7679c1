"""Folders that are carried into and out of a machine whose other side is not trusted."""

from __future__ import annotations

import io
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from muster.sandboxes.guest_tree import Untrusted, receive, scan, send

MOST = 4 << 20


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    return here, there


def carry(here: Path, there: Path, before: dict[str, os.stat_result], **more: Any) -> int:
    stream = io.BytesIO()
    send(str(here), before, scan(str(here)), stream)
    stream.seek(0)
    return receive(str(there), stream, most=MOST, **more)


def stream_of(*entries: dict[str, Any], data: bytes = b"") -> io.BytesIO:
    return io.BytesIO(b"".join(json.dumps(entry).encode() + b"\n" for entry in entries) + data)


def test_what_is_carried_is_the_same_on_the_other_side(sides: tuple[Path, Path]) -> None:
    """SW-4f"""
    here, there = sides
    (here / "d" / "deep").mkdir(parents=True)
    (here / "d" / "deep" / "file").write_bytes(bytes(range(256)) * 5000)
    (here / "run.sh").write_text("#!/bin/sh\n")
    (here / "run.sh").chmod(0o750)
    (here / "link").symlink_to("/somewhere/else")
    (here / os.fsdecode(b"odd\xffname")).write_text("odd")
    (here / "d").chmod(0o500)
    carry(here, there, {})
    (here / "d").chmod(0o700)
    assert (there / "d").stat().st_mode & 0o777 == 0o500
    assert (there / "d" / "deep" / "file").read_bytes() == bytes(range(256)) * 5000
    assert (there / "run.sh").stat().st_mode & 0o777 == 0o750
    assert (there / "run.sh").stat().st_mtime_ns == (here / "run.sh").stat().st_mtime_ns
    assert (there / "link").readlink() == Path("/somewhere/else")
    assert (there / os.fsdecode(b"odd\xffname")).read_text() == "odd"


def test_only_what_changed_is_carried_again(sides: tuple[Path, Path]) -> None:
    """SW-4f"""
    here, there = sides
    for name in ("same", "changed", "gone"):
        (here / name).write_text(name)
    (here / "folder").mkdir()
    (here / "folder" / "inner").write_text("inner")
    carry(here, there, {})
    before = scan(str(here))
    assert carry(here, there, before) == 0
    (here / "changed").write_text("anew")
    (here / "gone").unlink()
    (here / "folder" / "inner").unlink()
    (here / "folder").rmdir()
    (here / "folder").write_text("a file now")
    assert carry(here, there, before) == 4
    assert sorted(path.name for path in there.iterdir()) == ["changed", "folder", "same"]
    assert (there / "changed").read_text() == "anew"
    assert (there / "folder").read_text() == "a file now"


def test_what_is_left_out_stays_as_it_is_and_sockets_are_told_of(sides: tuple[Path, Path]) -> None:
    """SW-4f"""
    here, _ = sides
    (here / "d" / "secret").mkdir(parents=True)
    (here / "d" / "secret" / "file").write_text("x")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(here / "d" / "s"))
    sockets: list[str] = []
    assert set(scan(str(here), {"d/secret"}, sockets)) == {"d"}
    assert sockets == ["d/s"]


@pytest.mark.parametrize("path", ["../out", "/out", "d/../../out", "", ".", "d//x", "d/\0"])
def test_a_path_that_leads_out_is_refused(sides: tuple[Path, Path], path: str) -> None:
    """SW-4f: a guest is not trusted"""
    entry = {"kind": "file", "path": path, "mode": 0o644, "mtime": 0, "size": 1}
    with pytest.raises(Untrusted):
        receive(str(sides[1]), stream_of(entry, data=b"x"), most=MOST)
    assert not (sides[1].parent / "out").exists()


def test_a_link_on_the_way_is_not_followed(sides: tuple[Path, Path]) -> None:
    """SW-4f"""
    here, there = sides
    link = {"kind": "link", "path": "way", "mode": 0o777, "mtime": 0, "target": str(here)}
    entry = {"kind": "file", "path": "way/out", "mode": 0o644, "mtime": 0, "size": 1}
    with pytest.raises(Untrusted):
        receive(str(there), stream_of(link, entry, data=b"x"), most=MOST)
    with pytest.raises(Untrusted):
        receive(str(there), stream_of({"kind": "gone", "path": "way/given"}), most=MOST)
    assert list(here.iterdir()) == []


def test_a_file_is_put_in_the_place_of_a_link_not_through_it(sides: tuple[Path, Path]) -> None:
    """SW-4f"""
    here, there = sides
    (here / "target").write_text("safe")
    (there / "name").symlink_to(here / "target")
    entry = {"kind": "file", "path": "name", "mode": 0o4755, "mtime": 0, "size": 1}
    receive(str(there), io.BytesIO(json.dumps(entry).encode() + b'\nx{"kind": "end"}\n'), most=MOST)
    assert (here / "target").read_text() == "safe"
    assert not (there / "name").is_symlink()
    assert (there / "name").stat().st_mode & 0o7777 == 0o755, "no set-user-id bit comes out of a guest"


def test_a_stream_has_an_end_and_no_more_bytes_than_there_is_room_for(sides: tuple[Path, Path]) -> None:
    """SW-4f"""
    entry = {"kind": "file", "path": "f", "mode": 0o644, "mtime": 0, "size": MOST + 1}
    with pytest.raises(Untrusted, match="room"):
        receive(str(sides[1]), stream_of(entry), most=MOST)
    for cut in (stream_of({**entry, "size": 5}, data=b"xy"), io.BytesIO(b'{"kind": "fi')):
        with pytest.raises(EOFError):
            receive(str(sides[1]), cut, most=MOST)
    assert list(sides[1].iterdir()) == []
    with pytest.raises(Untrusted):
        receive(str(sides[1]), stream_of({"kind": "device", "path": "x"}), most=MOST)
