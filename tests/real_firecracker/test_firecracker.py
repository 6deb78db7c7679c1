"""muster's own driver with the real Firecracker, in an emulated host that offers KVM (SW-4f, SW-4h).

What it proves is that it works, and what is left afterwards; its times say nothing about virtualisation hardware.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from muster.sandboxes.guest_image import build_image
from muster.sandboxes.machine_place import FIRST_ID
from tests.real_firecracker.conftest import not_here
from tests.real_firecracker.emulated import ECHO, EmulatedHost
from tools.real_firecracker import NotInstalled, ready

INSIDE = Path(__file__).with_name("inside.py")
SECONDS = 400.0
"""On a machine that has much else to do; a minute and a half on one that has not."""
FLEET = 10
OPENED_AGAIN = 1
"""Machines that may be opened a second time: the emulated processor is at fault, not they."""

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What came of each scene of `inside.py`, by its name."""
    try:
        parts = ready()
    except NotInstalled as missing:
        not_here(str(missing))
        raise
    folder = tmp_path_factory.mktemp("emulated")
    images = folder / "images"
    build_image(images, kernel=parts / "vmlinuz", root=parts / "root", modules=parts / "modules")
    host = EmulatedHost(parts, images, INSIDE, folder)
    found = host.run(SECONDS)
    problems = [entry["words"] for entry in found if entry["step"] == "failed"]
    assert not problems, "\n".join(problems)
    again = [f"{entry['name']}: {entry['problem']}" for entry in found if entry["step"] == "opened again"]
    assert len(again) <= OPENED_AGAIN, "\n".join(again)
    return {entry["step"]: entry for entry in found}


def test_a_guest_starts_and_that_is_remembered(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    assert said["probe"]["available"], said["probe"]["reason"]
    assert said["probe again"]["available"]
    assert said["probe again"]["took"] < 2
    assert said["open"]["health"] == "idle"


def test_firecracker_runs_in_a_jail_where_there_is_a_jailer(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    assert said["open"]["user"] >= FIRST_ID
    assert {"disk.ext4", "memory", "state", "v.sock"} <= set(said["open"]["seen"])
    assert {"usr", "etc", "proc", "tmp"}.isdisjoint(said["open"]["seen"])
    assert said["lost"]["user"] == 0, "without one it runs as the worker's user"


def test_a_program_finds_its_folder_and_what_it_changed_comes_out(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    came = said["folders"]
    assert (came["code"], came["reason"]) == (3, "exit")
    assert came["out"].replace("<oops\n>", "") == "/tmp/box/one/work\n1000\nkeptyes\n"
    assert "<oops\n>" in came["out"], "standard error is told apart"
    assert came["files"] == ["d", "d/made", "kept", "link"]
    assert came["made"]["made"] == "new\n"


def test_the_system_is_read_only_and_nothing_of_the_host_is_there(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    came = said["second"]["out"]
    assert came.startswith("later"), "what was written outside meanwhile was carried in"
    assert came.count("Read-only file system") == 2
    assert "/here: No such file" in came
    interfaces = [line for line in said["network"]["out"].splitlines() if ":" in line and "<" not in line]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
    assert said["network"]["code"] != 0


def test_an_open_network_reaches_others_and_neither_this_host_nor_another_machine(
    said: dict[str, dict[str, Any]],
) -> None:
    """SW-4f, SW-6a: by a tap of its own and rules of nftables"""
    came = said["open network"]
    beyond, gateway, host, other, *resolv = came["out"].splitlines()
    assert beyond == f"{ECHO} 7 hello"
    assert [line.split()[-1] for line in (gateway, host, other)] == ["TimeoutError"] * 3, came["out"]
    assert resolv[0] == "nameserver 10.0.2.3"
    assert came["taps"] == 2
    assert (said["open network closed"]["taps"], said["open network closed"]["tables"]) == ([], "")


def test_output_and_input_stream_while_the_program_runs(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    assert said["streams"]["out"] == "ready\ngot one\ngot two\n"


def test_a_socket_of_the_hosts_in_a_folder_is_a_door_inside(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f: how agents reach the gateway without a network"""
    assert said["door"]["out"] == "heard knock\nloop\n", "and there is a loopback of its own"


def test_readable_folders_home_and_a_former_place_are_where_the_spec_says(
    said: dict[str, dict[str, Any]],
) -> None:
    """SW-4f"""
    came = said["places"]
    assert came["out"].startswith("readable of-home 0\n"), "what is hidden is not there"
    assert "Read-only file system" in came["out"]
    assert came["out"].endswith("here\n"), "the former place is the working directory"
    assert came["home"] == {"settings": "of-home ", "note": "note\n"}
    assert came["given"] == ["file", "secret"]


def test_a_paused_machine_stands_still_and_goes_on(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    came = said["pause"]
    assert (came["still"], came["paused"], came["health"], came["reason"]) == (True, True, "well", "killed")
    assert came["processes"] >= 1
    assert came["memory"] > 0


def test_a_snapshot_holds_only_what_a_guest_has_touched(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    assert said["open"]["memory"]["allocated"] < said["open"]["memory"]["size"]


def test_limits_hold_and_the_machine_goes_on(said: dict[str, dict[str, Any]]) -> None:
    """SW-4f"""
    assert said["timeout"]["reason"] == "timeout"
    assert said["timeout"]["asked"], "it was asked first, and what it wrote then came out"
    assert said["memory"]["reason"] == "oom"
    assert said["after"]["out"].startswith("alive\n0\n")


def test_machines_from_one_snapshot_have_nothing_in_common_but_the_image(
    said: dict[str, dict[str, Any]],
) -> None:
    """SW-4f: name, id, randomness, and the time of now"""
    fleet = said["fleet"]
    assert fleet["machines"] == FLEET
    assert fleet["codes"] == [0] * FLEET
    for column in range(3):
        assert len({line[column] for line in fleet["lines"]}) == FLEET
    assert all(abs(int(line[3]) - fleet["now"]) < 120 for line in fleet["lines"])


def test_nothing_is_left_of_machines_that_were_closed_lost_or_orphaned(
    said: dict[str, dict[str, Any]],
) -> None:
    """SW-4h"""
    assert said["closed"]["machines"] == 0
    assert said["closed"]["left"] == ["/tmp/box/one/scratch/door.sock"]
    assert said["fleet closed"] == {**said["fleet closed"], "machines": 0, "left": []}
    assert (said["lost"]["reason"], said["lost"]["machines"]) == ("lost", 0)
    assert said["dying"]["machines"] == 1
    assert said["dying"]["taps"] == 1
    assert (said["after the worker"]["taps"], said["after the worker"]["tables"]) == ([], "")
    assert said["orphans"]["left"] == 0, "the worker was killed, and its machine went with it"
